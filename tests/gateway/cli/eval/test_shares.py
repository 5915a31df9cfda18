"""Shares, and how sure they are."""

import pytest

from gateway.cli.eval.shares import Share


@pytest.mark.parametrize(
    ("right", "of", "low", "high"), [(60, 100, 0.502, 0.691), (0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0)]
)
def test_the_interval_is_wilson_s(right: int, of: int, low: float, high: float) -> None:
    share = Share(right, of)
    assert share.value == right / of
    assert (share.low, share.high) == pytest.approx((low, high), abs=0.001)


def test_of_none_nothing_is_known() -> None:
    assert Share(0, 0).value is None
    assert (Share(0, 0).low, Share(0, 0).high) == (0.0, 1.0)
