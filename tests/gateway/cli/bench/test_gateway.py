"""`antiphon bench gateway` as a user runs it: wire, session, bridge, store and relay, in processes of their own."""

import asyncio
import json
import os
import sys

import pytest

from gateway.cli.bench.gateway import RELAY_S

SECONDS = 30
LIMIT_S = 240
MOST_KB_A_CALL = 1000
"""A bound, no figure: few calls share what each thing that is made once costs."""


@pytest.mark.timeout(LIMIT_S + 30)
async def test_thirty_seconds_of_load_lose_no_byte_and_no_row() -> None:
    command = ("bench", "gateway", "--calls", "20", "--seconds", str(SECONDS), "--json")
    process = await asyncio.create_subprocess_exec(
        # -P: no module of the folder we stand in comes before ours.
        *(sys.executable, "-P", "-m", "gateway.cli.main", *command),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        said, complaints = await process.communicate()
    assert process.returncode == 0, said.decode() + complaints.decode()
    report = json.loads(said)
    print(said.decode())
    ours, relay, written = report["gateway"], report["relay"], report["written"]
    # 12.5 frames a second, nine seconds of ten; a loaded machine may send some of them late.
    for load, seconds in ((ours, SECONDS), (relay, RELAY_S)):
        assert load["frames"] > 20 * seconds * 12.5 * 0.9 * 0.8
        assert (load["lost"], load["faults"]) == (0, [])
    assert (written["refused"], written["still_active"]) == (0, 0)
    if ours["kb_a_call"] is not None:
        assert ours["kb_a_call"] < MOST_KB_A_CALL
    assert written["sessions"] == 1 + 20, "the call that warms up, and those that count"
    # Each call takes a turn every ten seconds, of which each leaves a dozen events.
    assert written["turns"] > 20 * 3
    assert written["events"] > written["turns"] * 3
    assert len(report["load_average"]) == 3, "figures, as in the other benches"
