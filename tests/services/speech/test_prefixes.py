"""Which prefixes are kept."""

from services.speech import priming, slots
from services.speech.model import Model
from services.speech.prefixes import Prefixes


def test_those_used_last_are_kept_as_far_as_they_fit(model: Model) -> None:
    made = {n: priming.prefill(model, priming.script(model.shape, None, [5] * n)) for n in (1, 2, 3)}
    kept = Prefixes(most=slots.size(made[2].state) + slots.size(made[3].state))
    kept.keep(("a", (1,)), made[1])
    kept.keep(("a", (2,)), made[2])
    assert kept.get(("a", (1,))) is made[1]
    kept.keep(("a", (3,)), made[3])
    assert kept.get(("a", (2,))) is None
    assert kept.get(("a", (1,))) is made[1]
    assert kept.get(("b", (1,))) is None


def test_the_newest_is_kept_even_where_it_does_not_fit(model: Model) -> None:
    prefix = priming.prefill(model, priming.script(model.shape, None, [5]))
    kept = Prefixes(most=0)
    kept.keep(("a", ()), prefix)
    assert kept.get(("a", ())) is prefix
