"""Tools are told under which key a call was made; operators, and whoever sits at the machine, are the house."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.events import LeftToMind
from gateway.access import Access
from gateway.store.rows import SessionRow
from tests.gateway.harness import Client, Gateway, Watch

ANN, OLGA = "the key of ann, long", "the key of the operator"
SESSIONS = "/api/mas/voice/duplex/session"
SECRETS = "/v1/realtime/client_secrets"

Come = Callable[[Gateway, str], Awaitable[Client]]


@pytest.fixture
async def guarded() -> AsyncIterator[Gateway]:
    """A gateway that asks for keys."""
    access = Access({"ann": ANN}, open_to_all=False, hosts=frozenset(), operators={"olga": OLGA})
    async with Gateway(access) as gateway:
        yield gateway


async def over_rest(gateway: Gateway, key: str) -> Client:
    """A client of a session that was made over REST; it names what it likes."""
    asked = {"user_id": "sam", "metadata": {"owner": "somebody else"}, "greeting": False}
    _, session = await gateway.ask("POST", SESSIONS, key, json=asked)
    return await gateway.attach(session)


async def over_the_wire(gateway: Gateway, key: str) -> Client:
    """A client that comes with the key."""
    return await gateway.connect(f"{gateway.url}/v1/realtime?owner=somebody", key)


async def by_a_secret(gateway: Gateway, key: str) -> Client:
    """A client to which the key's holder gave a secret."""
    _, secret = await gateway.ask("POST", SECRETS, key, json={})
    return await gateway.connect(f"{gateway.url}/v1/realtime", secret["value"])


async def told(gateway: Gateway, client: Client) -> tuple[object, object]:
    """What the tools are told of whose call it is, and whether its row says that it is the house's."""
    watch = Watch(gateway.call())
    await client.text("what time is it")
    await watch.until(LeftToMind)
    [utterance] = gateway.parts.bridge.heard
    [row] = [each for each in gateway.rows if isinstance(each, SessionRow)]
    assert utterance.deed_context.get("owner") == utterance.context.get("owner")
    return utterance.context.get("owner"), row.of_house


@pytest.mark.parametrize("come", [over_rest, over_the_wire, by_a_secret])
@pytest.mark.parametrize(("key", "owner", "of_house"), [(ANN, "ann", False), (OLGA, None, True)])
async def test_a_call_is_its_key_s_or_an_operator_s_and_then_the_house_s(
    guarded: Gateway, come: Come, key: str, owner: str | None, of_house: bool
) -> None:
    assert await told(guarded, await come(guarded, key)) == (owner, of_house)


@pytest.mark.parametrize("come", [over_rest, over_the_wire])
async def test_on_a_machine_without_keys_every_call_is_the_house_s(gateway: Gateway, come: Come) -> None:
    assert await told(gateway, await come(gateway, "")) == (None, True)
