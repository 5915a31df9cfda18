"""What `/metrics` tells of the calls."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

from gateway.session import effects as do
from tests.gateway.harness import Gateway, Watch

SAY = "/api/mas/voice/sessions/{session_id}/say"


def value(name: str, **labels: str) -> float:
    """What was counted so far, in all tests of this process."""
    return REGISTRY.get_sample_value(name, labels) or 0


def test_every_measure_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()
    told = set(re.findall(r"`(antiphon_\w+)[`{]", page))
    # Other tests of this process may have loaded services, which count for themselves.
    others = ("antiphon_transcriber_", "antiphon_synthesizer_", "antiphon_speech_")
    names = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("antiphon_")}
    assert {name for name in names if not name.startswith(others)} == told


async def test_what_is_said_is_counted_and_its_latency_told(gateway: Gateway) -> None:
    heard = {"source": "say", "state": "heard"}
    waited = {"span": "injection_wait", "engine": "local"}

    def counted() -> list[float]:
        return [
            value("antiphon_turns_total", speaker="agent"),
            value("antiphon_injections_total", **heard),
            value("antiphon_latency_seconds_count", **waited),
            value("antiphon_http_requests_total", method="POST", route=SAY, status="202"),
        ]

    before = counted()
    session = await gateway.session()
    await gateway.attach(session)
    watch = Watch(gateway.call(session))
    await gateway.ask("POST", SAY.format(**session), json={"text": "tea is ready"})
    await watch.until(do.InjectionChanged, lambda fact: fact.state == "heard")
    assert counted() == [count + 1 for count in before]


async def test_an_interruption_is_counted_by_its_kind(gateway: Gateway) -> None:
    before = value("antiphon_overlaps_total", kind="barge_in"), value("antiphon_turns_total", speaker="user")
    client, ears = await gateway.client()
    await client.text("one two three four five six seven eight nine ten")
    await client.until("response.output_audio.delta")
    await ears.begin("no wait stop")
    await client.until("antiphon.barge_in", kind="barge_in")
    after = value("antiphon_overlaps_total", kind="barge_in"), value("antiphon_turns_total", speaker="user")
    assert after[0] == before[0] + 1
    assert after[1] > before[1]


async def test_paths_that_strangers_make_up_are_one_row(gateway: Gateway) -> None:
    made_up = {"method": "any", "route": "none", "status": "404"}
    before = value("antiphon_http_requests_total", **made_up)
    for path in ("/wp-login.php", "/.env"):
        await gateway.ask("GET", path)
    assert value("antiphon_http_requests_total", **made_up) == before + 2
