"""What a tool returns is data: it is said and shown, and nothing else comes of it, whatever it says.

The bridge, the lane and the session's rules are the real ones; the orchestrator returns what somebody put into it.
"""

import asyncio
import json
import re
import unicodedata
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from bridge import events as bridge
from bridge.ledger import Status
from bridge.words import MAX_SENTENCES, MAX_WORDS
from gateway.conversation import Conversation
from gateway.ports import Brief
from gateway.profile import Profile
from gateway.recorder import Fact
from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.rules import Rules
from gateway.tool_lane import ToolLane
from gateway.wires.realtime import items
from personas.loader import load
from services.base.clean import dumps
from services.orchestrator.protocol import ChatResult
from tests.bridge.doubles import NOON_IN_TOKYO, PERSONA, World, says
from tests.gateway.injected import results
from tests.gateway.session.driver import Call, sound

RESULTS = list(results())
ASKED = "what time is it in tokyo"
OFFER = re.compile(r" (?:Shall I [^.?]+\?|There are [\d,]+ more; shall I read on\?)$")


VOICE = load().voice(PERSONA.voice)
PROFILE = Profile(
    UUID(int=5), "talk", "local", "local", None, Brief(PERSONA, VOICE, "en", PERSONA.prompt), Rules()
)


class Brisk(Call):
    """Whatever is said takes 100 ms."""

    def _speak(self, turn_id: UUID, text: str) -> None:
        self.push(turn_id, sound(100))
        self.feed(on.AgentFinished(samples(self.time), turn_id))


@dataclass
class Asked:
    """A call in virtual time, in which one thing was asked for and told."""

    call: Call
    world: World
    facts: list[Fact] = field(default_factory=list)

    @property
    def told(self) -> str:
        """What the tool's answer was in words."""
        (reply,) = [f for f in self.facts if isinstance(f, bridge.Reply) and f.source == "tool"]
        return reply.text


async def asked(result: ChatResult) -> Asked:
    """Have the question asked, `result` come of it, and all of it said."""
    world = World()
    world.orchestrator.streams = [says(result)]
    asked = Asked(Brisk(bridge=None), world)
    call = asked.call
    lane = ToolLane(
        world.bridge,
        lambda: samples(call.time),
        call.feed,
        lambda fact, _: asked.facts.append(fact),
        call.new_id,
    )
    call.types(ASKED, at=0)
    (wanted,) = call.until(20).told(do.AnswerWanted)
    async with asyncio.TaskGroup() as work:
        lane.take(wanted, PROFILE, Conversation(), work)
    while call.session.injections or call.session.agent.turn:
        call.until(call.time + 100)
    await world.bridge.close()
    return asked


def story(asked: Asked) -> list[object]:
    """All that happened, without words and times."""
    return [
        asked.world.order,
        [type(fact).__name__ for fact in asked.facts],
        [type(effect).__name__ for _, effect in asked.call.log],
        asked.call.session.rules,
    ]


def test_there_are_200_of_them() -> None:
    assert len({result.model_dump_json() for _, result in RESULTS}) == 200


@pytest.fixture(scope="module")
def harmless() -> list[object]:
    return story(asyncio.run(asked(NOON_IN_TOKYO)))


@pytest.mark.parametrize("result", [result for _, result in RESULTS], ids=[name for name, _ in RESULTS])
async def test_an_injected_result_is_said_and_shown_and_nothing_else_comes_of_it(
    result: ChatResult, harmless: list[object]
) -> None:
    injected = await asked(result)
    assert story(injected) == harmless
    row = injected.world.ledger.row
    assert (row.status, row.action, row.risk) == (Status.SUCCESS, "clock", "read")
    text = injected.told
    assert injected.call.told(do.Speak)[-1].text == injected.call.said_by_agent()[-1] == text

    # Nothing reaches the voice but words.
    assert not set(text) & set("<>[]{}|`\\")
    assert "://" not in text
    assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"}]
    words = OFFER.sub("", text)
    assert 0 < len(words.split()) <= MAX_WORDS
    assert len(re.findall(r"[^\W\d]{2,}[.!?](?= \S)", words)) < MAX_SENTENCES

    # What is shown of it is data.
    item = items.tool_call(row)
    assert (item["name"], item["arguments"]) == ("clock", json.dumps(row.arguments))
    assert json.loads(item["output"])["response_text"] == result.response_text
    assert "\\u0000" not in dumps(row.result)
