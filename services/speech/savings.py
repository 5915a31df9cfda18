"""How a model is run so that it takes less memory or time than as it is published."""

import argparse
from dataclasses import dataclass
from typing import Literal, get_args

Attention = Literal["whole", "filled"]

SHARES = (8, 4, 2)
"""Of a ring: an eighth, a quarter and a half of it can be read instead of all, so at most twice what is filled. Each is
a recording more for each size of batch."""
STRIDE = 64
"""Positions, of which such a share is a multiple: kernels read whole tiles."""


@dataclass(frozen=True, slots=True)
class Savings:
    """What is saved. By default nothing is."""

    attention: Attention = "whole"
    """What a frame reads of the keys and values: the whole ring, or what the oldest call has filled. The tokens are the
    same."""

    def lengths(self, context: int) -> tuple[int, ...]:
        """Of rings of `context` positions, the beginnings that can be read instead."""
        if self.attention == "whole":
            return ()
        return tuple(-(-context // (share * STRIDE)) * STRIDE for share in SHARES)


NONE = Savings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Have a command take what SPEECH_ATTENTION says of the service."""
    parser.add_argument(
        "--attention", choices=get_args(Attention), default=NONE.attention, help="as SPEECH_ATTENTION"
    )


def chosen(given: argparse.Namespace) -> Savings:
    """What was asked for by such arguments."""
    return Savings(given.attention)
