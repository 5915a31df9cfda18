"""When a part is started again, and when it is given up."""

from gateway.cli.restarts import Policy, Restarts

POLICY = Policy(deaths=3, within_s=60, first_delay_s=1, longest_delay_s=3)


def test_each_death_makes_the_next_start_wait_longer_up_to_a_limit() -> None:
    restarts = Restarts(POLICY)
    assert [restarts.died(at) for at in (0, 1, 2)] == [1, 2, 3]


def test_one_death_too_many_is_the_end() -> None:
    restarts = Restarts(POLICY)
    assert [restarts.died(at) for at in (0, 20, 40, 59)] == [1, 2, 3, None]


def test_old_deaths_are_forgotten() -> None:
    restarts = Restarts(POLICY)
    assert [restarts.died(at) for at in (0, 20, 40, 60)] == [1, 2, 3, 3]
    assert restarts.died(200) == 1
