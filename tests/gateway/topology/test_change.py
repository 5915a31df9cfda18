"""What changed: whole rows that are new or other, ids of what is gone, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from gateway.store.totals import Totals
from gateway.topology.change import change
from gateway.topology.graph import build
from tests.gateway.topology.known import NOW, a_session, known


def test_nothing_changed_is_nothing_told() -> None:
    old = build(known(a_session()))
    new = build(replace(known(a_session()), at=NOW + timedelta(seconds=1)))
    assert new.same_as(old)
    told = change(old, new)
    assert (told.nodes, told.edges, told.sessions, told.totals) == ((), (), (), None)
    assert told.at == new.at


def test_a_call_that_begins_to_speak_tells_its_row_and_its_edges_alone() -> None:
    old = build(known(a_session(1), a_session(2)))
    new = build(known(a_session(1), a_session(2, doing=("listening",))))
    told = change(old, new)
    assert [session.session_id for session in told.sessions] == [UUID(int=2)]
    assert {edge.id for edge in told.edges} == {f"client:{UUID(int=2)}>gateway", "gateway>transcriber"}
    assert told.nodes == ()


def test_a_call_that_ends_is_gone_with_its_client() -> None:
    told = change(build(known(a_session(1), a_session(2))), build(known(a_session(1))))
    client = f"client:{UUID(int=2)}"
    assert told.gone.sessions == (UUID(int=2),)
    assert told.gone.nodes == (client,)
    assert told.gone.edges == (f"{client}>gateway",)
    assert told.sessions == ()


def test_totals_are_told_when_they_are_others() -> None:
    totals = Totals(NOW, 3, 4, 5, 0, (), ())
    old, new = build(known()), build(known(learned=replace(known().learned, totals=totals)))
    assert change(old, new).totals == totals
    assert change(new, build(known(learned=replace(known().learned, totals=totals)))).totals is None
    assert not new.same_as(old)
