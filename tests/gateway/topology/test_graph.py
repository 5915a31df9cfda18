"""The graph: what stands in it, what is lit by which call, and how each part fares."""

from typing import Any
from uuid import UUID

import pytest

from gateway.parts import Offer
from gateway.topology.graph import Backlog, Learned, build
from gateway.topology.model import Deed, Edge, Node, Snapshot
from tests.gateway.topology.known import READY, TOLD, a_session, known

CLIENT = f"client:{UUID(int=1)}"


def node(snapshot: Snapshot, node_id: str) -> Node:
    return next(node for node in snapshot.nodes if node.id == node_id)


def edge(snapshot: Snapshot, edge_id: str) -> Edge:
    return next(edge for edge in snapshot.edges if edge.id == edge_id)


def test_everything_stands_there_without_a_call() -> None:
    snapshot = build(known())
    assert [node.id for node in snapshot.nodes] == [
        "gateway",
        "engine:personaplex",
        "engine:local",
        "transcriber",
        "synthesizer",
        "bridge",
        "orchestrator",
        "database",
        "agent:clock",
        "tool:tell_time",
    ]
    assert not any(edge.doing for edge in snapshot.edges)


def test_every_edge_joins_two_nodes() -> None:
    sessions = [a_session(n, deeds=(Deed("nobody told", "unheard_of"),)) for n in range(1, 4)]
    snapshot = build(known(*sessions))
    ids = {node.id for node in snapshot.nodes}
    for each in snapshot.edges:
        assert {each.source, each.target} <= ids
    assert len({each.id for each in snapshot.edges}) == len(snapshot.edges)


@pytest.mark.parametrize(
    ("doing", "path"),
    [
        ("listening", [f"{CLIENT}>gateway", "gateway>transcriber"]),
        ("thinking", ["gateway>bridge"]),
        ("planning", ["bridge>orchestrator"]),
        (
            "acting",
            [
                "gateway>bridge",
                "bridge>orchestrator",
                "orchestrator>agent:clock",
                "agent:clock>tool:tell_time",
            ],
        ),
        ("preparing", ["gateway>engine:local", "engine:local>synthesizer"]),
        ("speaking", [f"{CLIENT}>gateway", "gateway>engine:local", "engine:local>synthesizer"]),
        ("recording", ["gateway>database"]),
    ],
)
def test_a_call_lights_the_path_that_it_uses(doing: Any, path: list[str]) -> None:
    deeds = (Deed("clock", "tell_time"),) if doing == "acting" else ()
    snapshot = build(known(a_session(doing=(doing,), deeds=deeds)))
    assert list(snapshot.sessions[0].path) == path
    assert {each.id: each.doing for each in snapshot.edges if each.doing} == {e: {doing: 1} for e in path}


def test_an_edge_tells_how_many_use_it_and_for_what() -> None:
    both = a_session(1, client="", doing=("listening", "speaking"))
    snapshot = build(known(both, a_session(2, doing=("listening",)), a_session(3)))
    lit = edge(snapshot, "gateway>transcriber")
    assert (lit.sessions, lit.doing) == (3, {"listening": 2})
    assert edge(snapshot, f"{CLIENT}>gateway").doing == {"listening": 1, "speaking": 1}


def test_two_tools_of_one_agent_light_their_common_way_once() -> None:
    deeds = (Deed("clock", "tell_time"), Deed("clock", "unheard_of"))
    snapshot = build(known(a_session(doing=("acting",), deeds=deeds)))
    assert edge(snapshot, "orchestrator>agent:clock").doing == {"acting": 1}
    assert node(snapshot, "agent:clock").load == {"running": 2, "calls": 0, "failures": 0}


def test_an_engine_with_a_voice_of_its_own_needs_no_synthesizer() -> None:
    snapshot = build(known(a_session(mode="personaplex", doing=("speaking",))))
    assert snapshot.sessions[0].path == (f"{CLIENT}>gateway", "gateway>engine:personaplex")
    assert not any(each.id == "engine:personaplex>synthesizer" for each in snapshot.edges)


def test_a_tool_that_nobody_told_of_appears_when_it_is_used() -> None:
    snapshot = build(known(a_session(doing=("acting",), deeds=(Deed("", "chat"),)), learned=Learned(READY)))
    assert node(snapshot, "tool:chat").load == {"running": 1}
    assert edge(snapshot, "orchestrator>tool:chat").doing == {"acting": 1}


def test_few_calls_are_clients_of_their_own_and_many_are_told_by_kind() -> None:
    few = build(known(*[a_session(n) for n in range(1, 13)]))
    assert [n.load for n in few.nodes if n.kind == "client"] == [{"sessions": 1}] * 12
    agents = ["Mozilla/5.0 (X11)"] * 9 + ["Python/3.11 aiohttp/3.14"] * 3 + [""]
    many = build(known(*[a_session(n, client=agent) for n, agent in enumerate(agents)]))
    clients = {n.name: n.load["sessions"] for n in many.nodes if n.kind == "client"}
    assert clients == {"Browser": 9, "Python": 3, "Unnamed client": 1}
    assert edge(many, "clients:Browser>gateway").sessions == 9


def test_a_client_whose_connection_is_lost_is_told_apart() -> None:
    assert node(build(known(a_session(state="away"))), CLIENT).health == "down"
    many = build(known(*[a_session(n, state="away" if n < 3 else "live") for n in range(20)]))
    browsers = node(many, "clients:Browser")
    assert (browsers.health, browsers.reason) == ("degraded", "3 of 20 have lost their connection.")


def test_a_part_that_is_missing_is_down_and_says_why() -> None:
    snapshot = build(known(learned=Learned({**READY, "transcriber": "http://a/ready cannot be reached"})))
    transcriber = node(snapshot, "transcriber")
    assert (transcriber.health, transcriber.reason) == ("down", "http://a/ready cannot be reached")
    assert node(snapshot, "synthesizer").health == "up"


def test_of_tools_behind_an_orchestrator_that_is_away_nothing_is_known() -> None:
    learned = Learned({**READY, "orchestrator": "it is away"}, TOLD.agents, TOLD.tools)
    snapshot = build(known(learned=learned))
    for node_id in ("agent:clock", "tool:tell_time"):
        found = node(snapshot, node_id)
        assert (found.health, found.reason) == ("unknown", "The orchestrator does not answer.")


def test_an_agent_fares_as_the_orchestrator_tells_and_its_tools_with_it() -> None:
    def told(**fields: Any) -> Snapshot:
        clock = TOLD.agents[0].model_copy(update=fields)
        return build(known(learned=Learned(READY, [clock], TOLD.tools)))

    failing = told(state="failing", reason="it has no battery", calls=5, failures=1)
    clock = node(failing, "agent:clock")
    assert (clock.health, clock.reason) == ("degraded", "it has no battery")
    assert clock.load == {"running": 0, "calls": 5, "failures": 1}
    assert node(failing, "tool:tell_time").health == "up", "another tool of it may have failed"
    away = told(state="away", reason="http://clock does not answer")
    for node_id in ("agent:clock", "tool:tell_time"):
        assert (node(away, node_id).health, node(away, node_id).reason) == (
            "down",
            "http://clock does not answer",
        )


def test_before_anybody_was_asked_nothing_is_claimed() -> None:
    snapshot = build(known(learned=Learned()))
    assert {n.health for n in snapshot.nodes if n.kind in ("transcriber", "synthesizer", "database")} == {
        "unknown"
    }
    assert snapshot.totals is None


def test_an_engine_that_is_not_set_up_is_absent_and_not_broken() -> None:
    personaplex = node(build(known()), "engine:personaplex")
    assert (personaplex.health, personaplex.reason) == ("absent", "no speech server is configured")


def test_an_engine_that_is_set_up_and_does_not_answer_is_down() -> None:
    offer = Offer("personaplex", False, "http://gpu-1:8998: it cannot be reached", 0, 0)
    personaplex = node(build(known(offers=[offer])), "engine:personaplex")
    assert (personaplex.health, personaplex.reason) == ("down", "http://gpu-1:8998: it cannot be reached")


def test_an_engine_whose_slots_are_all_taken_is_degraded() -> None:
    offer = Offer("personaplex", False, "all 4 slots are taken", 0, 4)
    personaplex = node(build(known(offers=[offer])), "engine:personaplex")
    assert (personaplex.health, personaplex.reason) == ("degraded", "all 4 slots are taken")


def test_a_gateway_without_a_free_place_is_degraded() -> None:
    snapshot = build(known(a_session(), most=1))
    assert node(snapshot, "gateway").health == "degraded"
    assert node(snapshot, "gateway").load == {"sessions": 1, "free": 0}


def test_a_database_that_loses_events_is_down_whatever_it_answers() -> None:
    snapshot = build(known(outbox=Backlog(10_000, True)))
    database = node(snapshot, "database")
    assert database.health == "down"
    assert "dropped" in database.reason
    assert database.load == {"waiting": 10_000}


def test_a_key_sees_its_own_calls_and_how_busy_the_parts_are() -> None:
    mine = a_session(1, owner="ann", doing=("listening",))
    hers = a_session(2, owner="ben", doing=("listening", "speaking"))
    told = build(known(mine, hers), "ann")
    assert [session.session_id for session in told.sessions] == [mine.session_id]
    assert [node.id for node in told.nodes if node.kind == "client"] == [CLIENT]
    assert not any(str(hers.session_id) in f"{each}" for each in (*told.nodes, *told.edges))
    assert edge(told, "gateway>transcriber").doing == {"listening": 2}
    assert node(told, "gateway").load["sessions"] == 2
    assert len(build(known(mine, hers)).sessions) == 2
