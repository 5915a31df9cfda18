"""What can be done here, and how the agents are: out of what is loaded, and of how it goes."""

from services.orchestrator.roster import Roster, Standing
from services.orchestrator.tooling import Answer, Refused
from services.orchestrator.tools.ear import listed, spoken_count, times

OWN = "guide"
"""This agent, which nobody wants to hear of."""
EXAMPLES = 3
"""Of wishes, in one answer; nobody remembers more."""


async def tell_abilities(roster: Roster) -> Answer:
    """Some wishes by way of example, and the agents' names."""
    ready = [each for each in await roster.standings() if each.tools and each.name != OWN]
    examples = sorted((each.tools[0].examples[0] for each in ready if each.state == "ready"), key=len)
    names = [each.spoken for each in ready]
    data = {"agents": names, "tools": [tool.name for each in ready for tool in each.tools]}
    if not examples:
        return Answer(f"Nothing at the moment. {_counted(names)}", data)
    return Answer(
        f"You can ask me {listed(examples[:EXAMPLES], 'or')}, for instance. {_counted(names)}", data
    )


async def list_agents(roster: Roster) -> Answer:
    """Their names, and which of them cannot be used."""
    standings = [each for each in await roster.standings() if each.name != OWN]
    loaded = [each.spoken for each in standings if each.state != "left_out"]
    trouble = [each for each in standings if each.state != "ready"]
    data = {"agents": {each.name: each.state for each in standings}}
    ending = f" Not in order: {listed([each.spoken for each in trouble])}." if trouble else ""
    return Answer(_counted(loaded) + ending, data)


async def agent_state(roster: Roster, agent: str) -> Answer:
    """Whether an agent can be used, and how its last calls went."""
    one = await _one(roster, agent)
    record = one.record
    used = f"It was used {times(record.calls)} since I started" if record.calls else "Nobody has used it yet"
    failed = f", and failed {times(record.failures)}" if record.failures else ""
    data = one.described().model_dump(mode="json")
    match one.state:
        case "ready":
            return Answer(f"{_name(one)} is ready. {used}{failed}.", data)
        case "failing":
            return Answer(f"{_name(one)} is there, but its last call failed. {used}{failed}.", data)
        case "away":
            return Answer(f"{_name(one)} can't be reached right now. {used}{failed}.", data)
        case "left_out":
            return Answer(
                f"{_name(one)} is left out, because something in its file is wrong. The log says what.", data
            )


async def agent_abilities(roster: Roster, agent: str) -> Answer:
    """What an agent is for, and a wish or two by way of example."""
    one = await _one(roster, agent)
    data = one.described().model_dump(mode="json")
    if not one.tools:
        raise Refused("left_out", f"{_name(one)} is left out, because something in its file is wrong.")
    examples = [tool.examples[0] for tool in one.tools[:2]]
    return Answer(f"{one.description.rstrip('.')}. You can ask {listed(examples, 'or')}.", data)


async def _one(roster: Roster, agent: str) -> Standing:
    found = next((each for each in await roster.standings() if each.name == agent), None)
    if found is None:
        raise Refused("unknown_agent", f"I have no agent called {agent.replace('_', ' ')}.")
    return found


def _counted(names: list[str]) -> str:
    if not names:
        return "I have no agents."
    return f"I have {spoken_count(len(names), 'agent')}: {listed(names)}."


def _name(one: Standing) -> str:
    return one.spoken[:1].upper() + one.spoken[1:]
