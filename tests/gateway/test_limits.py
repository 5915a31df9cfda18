"""How much one client may have; time is the test's."""

import pytest

from gateway.limits import Allowance, Bucket, Flow, Limits, Meter, Places, Rate, RateLimited, Visitor, network

ANN = Visitor("192.0.2.1", "ann")
HERE = Visitor()


def test_a_burst_passes_at_once_and_what_follows_waits() -> None:
    bucket = Bucket(Rate(per_second=2, burst=3))
    assert [bucket.take(10.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(10.0) == pytest.approx(0.5)
    assert bucket.take(10.5) == 0
    assert bucket.take(10.5) == pytest.approx(0.5)


def test_what_is_refused_is_not_counted() -> None:
    bucket = Bucket(Rate(per_second=1, burst=1))
    assert bucket.take(0.0) == 0
    assert [bucket.take(0.5) for _ in range(100)] == [pytest.approx(0.5)] * 100
    assert bucket.take(1.0) == 0


def test_rest_gives_no_more_than_a_burst() -> None:
    bucket = Bucket(Rate(per_second=1, burst=2))
    assert [bucket.take(1e6) > 0 for _ in range(3)] == [False, False, True]


def test_a_large_one_takes_the_room_of_many() -> None:
    bucket = Bucket(Rate(per_second=10, burst=100))
    assert bucket.take(0.0, 95) == 0
    assert bucket.take(0.0, 10) == pytest.approx(0.5)
    assert bucket.take(0.0, 5) == 0


def test_a_rate_of_zero_limits_nothing() -> None:
    bucket = Bucket(Rate(per_second=0, burst=0))
    assert not any(bucket.take(0.0, 1e9) for _ in range(1000))
    assert bucket.full(0.0) == 0


def test_whether_it_is_full_can_be_asked_without_counting() -> None:
    bucket = Bucket(Rate(per_second=1, burst=2))
    assert [bucket.full(0.0) for _ in range(10)] == [0] * 10
    assert (bucket.take(0.0), bucket.take(0.0)) == (0, 0)
    assert bucket.full(0.0) == pytest.approx(1)
    assert bucket.full(1.0) == 0


def test_each_name_has_its_own() -> None:
    meter = Meter(Rate(per_second=1, burst=1))
    assert (meter.take("a", 0.0), meter.take("b", 0.0)) == (0, 0)
    assert meter.take("a", 0.0) > 0


def test_a_meter_forgets_who_came_least_lately_and_never_grows() -> None:
    meter = Meter(Rate(per_second=1, burst=1), most=2)
    for name in ("a", "b"):
        meter.take(name, 0.0)
    assert meter.take("a", 0.0) > 0, "and so b came least lately"
    meter.take("c", 0.0)
    assert meter.full("a", 0.0) > 0
    assert meter.full("b", 0.0) == 0
    assert len(meter._buckets) == 2


def test_places_are_given_back_also_when_something_breaks_inside() -> None:
    places = Places(1)
    with places.held("a") as first, places.held("a") as second, places.held("b") as other:
        assert (first, second, other) == (True, False, True)
    with pytest.raises(ZeroDivisionError), places.held("a"):
        _ = 1 / 0
    assert places._taken == {}


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("127.8.8.8", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
    ],
)
def test_of_ipv6_a_subscriber_s_whole_network_counts_as_one(address: str, counted: str | None) -> None:
    assert network(address) == counted


def test_requests_are_counted_by_address_and_by_key() -> None:
    limits = Limits(Allowance(requests_per_minute=6))
    limits.request(ANN, 0.0)
    for other in (Visitor("192.0.2.1", "ben"), Visitor("192.0.2.2", "ann")):
        with pytest.raises(RateLimited) as refusal:
            limits.request(other, 0.0)
        assert (refusal.value.status, refusal.value.code) == (429, "rate_limited")
        assert refusal.value.extra["retry_after"] in (10, 11)
    limits.request(Visitor("192.0.2.3", "cem"), 0.0)
    limits.request(ANN, 10.0)


def test_this_machine_is_not_counted() -> None:
    limits = Limits(Allowance(1, 1, 1, 1, 1, 1))
    with limits.connected(HERE), limits.connected(HERE):
        for n in range(100):
            limits.request(HERE, 0.0)
            limits.failed(HERE, 0.0)
            limits.attempt(HERE, 0.0)
            limits.new_session(HERE, n, n, 0.0)


def test_after_too_many_wrong_keys_an_address_waits_whatever_it_shows() -> None:
    limits = Limits(Allowance(failures_per_minute=3))
    for _ in range(3):
        limits.attempt(ANN, 0.0)
        limits.failed(ANN, 0.0)
    with pytest.raises(RateLimited):
        limits.attempt(ANN, 0.0)
    limits.attempt(Visitor("192.0.2.2", "ann"), 0.0)
    limits.attempt(ANN, 20.0)


def test_connections_are_held_and_given_back() -> None:
    limits = Limits(Allowance(connections=1))
    with limits.connected(ANN):
        for other in (Visitor("192.0.2.1"), Visitor("192.0.2.9", "ann")):
            with pytest.raises(RateLimited), limits.connected(other):
                pytest.fail("it was let in")
    with limits.connected(ANN):
        pass


def test_sessions_are_limited_by_key_and_by_address_while_they_last() -> None:
    limits = Limits(Allowance(sessions_of_key=4, sessions_of_address=2))
    limits.new_session(ANN, of_key=3, of_address=1, now=0.0)
    with pytest.raises(RateLimited, match="this key"):
        limits.new_session(ANN, of_key=4, of_address=0, now=0.0)
    with pytest.raises(RateLimited, match="this address"):
        limits.new_session(ANN, of_key=0, of_address=2, now=0.0)


def test_sessions_are_not_made_too_fast() -> None:
    limits = Limits(Allowance(sessions_per_minute=6))
    for _ in range(6):
        limits.new_session(ANN, 0, 0, 0.0)
    with pytest.raises(RateLimited):
        limits.new_session(ANN, 0, 0, 0.0)
    limits.new_session(ANN, 0, 0, 10.0)


def test_a_minute_of_sound_in_small_pieces_may_come_at_once_and_no_flood() -> None:
    flow = Flow(1_000_000, 50)
    for _ in range(6000):
        flow.message(700, 0.0)
    for _ in range(4000):
        flow.message(10, 0.0)
    with pytest.raises(RateLimited):
        flow.message(10, 0.0)


def test_one_message_of_the_longest_passes_and_the_second_waits() -> None:
    flow = Flow(1_000_000, 50)
    flow.message(20 * 2**20, 0.0)
    with pytest.raises(RateLimited):
        flow.message(20 * 2**20, 0.0)


def test_events_have_a_rate_of_their_own() -> None:
    flow = Flow(0, 1)
    for _ in range(20):
        flow.event(0.0)
    with pytest.raises(RateLimited):
        flow.event(0.0)
    flow.event(1.0)
