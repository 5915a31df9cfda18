"""Whether the duplex model would run here. The speech service looks for itself, by a process: it imports torch."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from services.base.findings import Finding

CHECK = (sys.executable, "-m", "services.speech.check", "--json")
CHECK_S = 120.0
"""Importing torch from a slow disk takes half a minute; the hub gets ten seconds to tell of each file."""


def examine() -> Iterator[Finding]:
    if find_spec("torch") is None:
        advice = "`pip install 'antiphon[speech]'` brings it, for a machine with a GPU; calls do without"
        yield Finding("note", "no torch: no duplex model", advice)
        return
    try:
        said = subprocess.run(CHECK, capture_output=True, text=True, timeout=CHECK_S)
        found = [Finding(**each) for each in json.loads(said.stdout)["findings"]]
    except subprocess.TimeoutExpired:
        advice = "`python -m services.speech.check` may say why"
        yield Finding("note", f"the duplex model was looked at for {CHECK_S:g} s in vain", advice)
        return
    except (OSError, ValueError, KeyError, TypeError):
        why = said.stderr.strip().splitlines()[-1:] or [f"exit status {said.returncode}"]
        yield Finding("note", f"the duplex model can't be looked at: {why[0]}", "install again")
        return
    for each in found:
        # Calls go on without it, by the local engine.
        verdict = "note" if each.verdict == "bad" else each.verdict
        yield Finding(verdict, f"duplex model: {each.what}", each.advice)
