"""Keys, client secrets, and which pages may talk to the gateway; the clock is the test's."""

from uuid import UUID, uuid4

import pytest

from gateway import access as rules
from gateway.access import LOCAL, SERVICES, Access, parse_keys
from services.base.problems import Forbidden, Unauthorized

KEY, OTHER = "key of the first one", "key of the second one"
OPERATOR, INTERNAL = "key of the operator", "key of the services"


class Clock:
    """Unix time, as the test sets it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guarded(clock: Clock) -> Access:
    """Beyond loopback: a key is needed."""
    keys = {"ann": KEY, "ben": OTHER}
    return Access(
        keys,
        open_to_all=False,
        hosts=frozenset({"voice.example"}),
        now=clock,
        operators={"olga": OPERATOR},
        internal_key=INTERNAL,
    )


@pytest.fixture
def local(clock: Clock) -> Access:
    """On loopback, without keys."""
    return Access({}, open_to_all=True, hosts=frozenset({"voice.example"}), now=clock)


def test_a_key_is_its_holder_s(guarded: Access) -> None:
    assert guarded.caller(KEY).owner == "ann"
    assert guarded.caller(OTHER).owner == "ben"


@pytest.mark.parametrize("token", ["", "wrong", "ek_wrong", KEY.upper(), KEY + " ", "ключ"])
def test_what_is_no_key_opens_nothing(guarded: Access, token: str) -> None:
    with pytest.raises(Unauthorized):
        guarded.caller(token)


def test_a_service_reads_and_does_nothing_else_with_its_key(clock: Clock) -> None:
    access = Access({"ann": KEY}, False, frozenset(), now=clock, internal_key="what services show")
    assert access.reader("what services show").is_service
    assert (access.reader(KEY).owner, access.reader(KEY).is_service) == ("ann", False)
    with pytest.raises(Unauthorized):
        access.user("what services show")
    with pytest.raises(Unauthorized):
        access.reader("what services shout")


def test_where_no_internal_key_is_set_nobody_is_a_service(guarded: Access, local: Access) -> None:
    with pytest.raises(Unauthorized):
        guarded.reader("")
    assert not local.reader("").is_service


def test_a_key_is_for_its_holder_s_sessions_and_an_operator_s_for_all(guarded: Access) -> None:
    ann, olga, services = (guarded.reader(key) for key in (KEY, OPERATOR, INTERNAL))
    assert ann.may_use("ann")
    assert not ann.may_use("ben")
    assert not ann.may_use(None), "a session whose owner nobody wrote down"
    assert (olga.owner, services.owner) == ("olga", SERVICES)
    for everybody_s in (olga, services):
        assert everybody_s.may_use("ann")
        assert everybody_s.may_use(None)


def test_not_even_an_operator_takes_somebody_s_place_in_a_call(guarded: Access) -> None:
    for key in (OPERATOR, INTERNAL):
        with pytest.raises(Forbidden):
            guarded.may_attach(guarded.reader(key), uuid4(), "ann")


def test_who_sits_at_the_machine_is_its_operator(local: Access) -> None:
    assert local.caller("").may_use("ann")


def test_the_services_key_alone_locks_nobody_out_of_loopback(clock: Clock) -> None:
    access = Access({}, open_to_all=True, hosts=frozenset(), now=clock, internal_key=INTERNAL)
    assert access.caller("").owner == LOCAL
    assert access.reader(INTERNAL).owner == SERVICES


def test_an_operator_s_key_alone_locks_loopback_too(clock: Clock) -> None:
    access = Access({}, open_to_all=True, hosts=frozenset(), now=clock, operators={"olga": OPERATOR})
    with pytest.raises(Unauthorized):
        access.caller("")


def test_on_loopback_everyone_is_local(local: Access) -> None:
    assert local.caller("").owner == LOCAL
    assert local.caller("whatever the SDK was given").owner == LOCAL


def test_a_secret_that_is_not_known_is_refused_on_loopback_too(local: Access) -> None:
    with pytest.raises(Unauthorized):
        local.caller("ek_of_another_day")


def test_where_there_are_keys_loopback_asks_for_one_too(clock: Clock) -> None:
    access = Access({"ann": KEY}, open_to_all=True, hosts=frozenset(), now=clock)
    with pytest.raises(Unauthorized):
        access.caller("")


def test_a_secret_speaks_for_its_owner_until_it_expires(guarded: Access, clock: Clock) -> None:
    secret = guarded.new_secret("ann", 600)
    clock.now += 599
    assert guarded.caller(secret.value).owner == "ann"
    clock.now += 1
    with pytest.raises(Unauthorized):
        guarded.caller(secret.value)


def test_a_secret_makes_no_sessions_over_rest(guarded: Access) -> None:
    secret = guarded.new_secret("ann", 600)
    with pytest.raises(Forbidden):
        guarded.user(secret.value)


def test_a_session_s_secret_opens_that_session_and_no_other(guarded: Access) -> None:
    mine, other = uuid4(), uuid4()
    caller = guarded.caller(guarded.new_secret("ann", 600, mine).value)
    guarded.may_attach(caller, mine, "ann")
    with pytest.raises(Forbidden):
        guarded.may_attach(caller, other, "ann")


def test_a_secret_that_opens_new_sessions_opens_none_that_is_there(guarded: Access) -> None:
    caller = guarded.caller(guarded.new_secret("ann", 600).value)
    with pytest.raises(Forbidden):
        guarded.may_attach(caller, uuid4(), "ann")


def test_a_key_attaches_to_its_owner_s_sessions_alone(guarded: Access) -> None:
    guarded.may_attach(guarded.caller(KEY), uuid4(), "ann")
    with pytest.raises(Forbidden):
        guarded.may_attach(guarded.caller(KEY), uuid4(), "ben")


def test_on_loopback_too_attaching_takes_the_secret(local: Access) -> None:
    with pytest.raises(Forbidden):
        local.may_attach(local.caller(""), uuid4(), LOCAL)


def test_a_secret_that_was_used_is_good_for_the_whole_call(guarded: Access, clock: Clock) -> None:
    session_id = uuid4()
    secret = guarded.new_secret("ann", 600, session_id)
    guarded.may_attach(guarded.caller(secret.value), session_id, "ann")
    clock.now += 7200
    guarded.new_secret("ben", 600)
    guarded.may_attach(guarded.caller(secret.value), session_id, "ann")


def test_after_its_session_a_secret_opens_nothing(guarded: Access) -> None:
    session_id = uuid4()
    secret = guarded.new_secret("ann", 600, session_id)
    guarded.may_attach(guarded.caller(secret.value), session_id, "ann")
    guarded.forget(session_id)
    with pytest.raises(Unauthorized):
        guarded.caller(secret.value)


def test_secrets_cannot_fill_the_memory(guarded: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_SECRETS", 3)
    made = [guarded.new_secret("ann", 600, UUID(int=n)) for n in range(5)]
    for secret in made[:2]:
        with pytest.raises(Unauthorized):
            guarded.caller(secret.value)
    for secret in made[2:]:
        guarded.caller(secret.value)


GOOD = [
    ("127.0.0.1:8999", None),
    ("localhost:8999", "http://localhost:8999"),
    ("[::1]:8999", "http://[::1]:8999"),
    ("voice.example", "https://voice.example"),
    ("127.0.0.1:8999", "https://voice.example:8443"),
]
BAD = [
    ("evil.example", None),  # A name of theirs that points here: DNS rebinding.
    ("evil.example:8999", "http://evil.example:8999"),
    ("", None),
    ("[::1", None),
    ("127.0.0.1:8999", "http://evil.example"),
    ("127.0.0.1:8999", "http://127.0.0.1:9000"),
    ("127.0.0.1:8999", "null"),
    ("127.0.0.1:8999", "http://["),
    ("127.0.0.1:8999", "http://127.0.0.1:8999.evil.example"),
]


@pytest.mark.parametrize(("host", "origin"), GOOD)
def test_pages_of_our_own_may_talk_to_us(local: Access, host: str, origin: str | None) -> None:
    local.check_browser(host, origin)


@pytest.mark.parametrize(("host", "origin"), BAD)
def test_pages_of_others_may_not(local: Access, host: str, origin: str | None) -> None:
    with pytest.raises(Forbidden):
        local.check_browser(host, origin)


def test_beyond_loopback_any_name_may_lead_here_and_the_key_decides(guarded: Access) -> None:
    guarded.check_browser("gateway.lan:8999", "https://gateway.lan:8999")
    with pytest.raises(Forbidden):
        guarded.check_browser("gateway.lan:8999", "https://evil.example")


def test_keys_may_have_names() -> None:
    assert parse_keys("ann:abc,, ben:g:h") == {"ann": "abc", "ben": "g:h"}
    assert parse_keys("") == {}


def test_a_key_without_a_name_keeps_its_sessions_when_another_is_put_before_it() -> None:
    [(name, key)] = parse_keys("def").items()
    assert key == "def"
    assert "def" not in name
    assert parse_keys("abc, def")[name] == "def"
