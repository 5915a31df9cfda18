"""How long an answer of `Ready` holds."""

from services.base.health import CACHED_S, MISSING_S, Ready


class Part:
    """Its check, and how often it was asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def check(self) -> str | None:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_part_that_is_ready_is_asked_once_a_second() -> None:
    part, clock = Part(None), Clock()
    ready = Ready({"part": part.check}, now=clock)
    for _ in range(3):
        assert (await ready.ask()).ready
    clock.now += CACHED_S - 0.01
    await ready.ask()
    assert part.asked == 1
    clock.now += 0.02
    await ready.ask()
    assert part.asked == 2


async def test_one_that_becomes_ready_is_seen_long_before_a_second_is_over() -> None:
    part, clock = Part("it starts", None), Clock()
    ready = Ready({"part": part.check}, now=clock)
    assert not (await ready.ask()).ready
    assert not (await ready.ask()).ready, "a prober that asks on and on costs nothing"
    clock.now += MISSING_S
    assert (await ready.ask()).ready
    assert MISSING_S <= CACHED_S / 10


async def test_a_part_that_may_be_missing_is_asked_no_oftener_than_one_that_is_there() -> None:
    part, clock = Part("not set up"), Clock()
    ready = Ready({}, {"part": part.check}, now=clock)
    await ready.ask()
    clock.now += MISSING_S
    assert (await ready.ask()).parts == {"part": "not set up"}
    assert part.asked == 1
