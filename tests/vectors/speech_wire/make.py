"""Makes `page.json`: python -m tests.vectors.speech_wire.make FOLDER-OF-OPUS-RECORDER"""

import base64
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from tests.services.transcriber.voices import spoken

HERE = Path(__file__).parent
SAYS = "Hello, can you hear me?"
QUERY = (
    ("text_temperature", "0.7"),
    ("text_topk", "25"),
    ("audio_temperature", "0.8"),
    ("audio_topk", "250"),
    ("pad_mult", "0"),
    ("text_seed", "412345"),
    ("audio_seed", "98765"),
    ("repetition_penalty_context", "64"),
    ("repetition_penalty", "1"),
    ("text_prompt", "You are a patient listener. Answer in one short sentence."),
    ("voice_prompt", "NATF0.pt"),
)
"""In the page's order and with its defaults."""


def message(sender: str, at_ms: float, raw: bytes) -> dict[str, object]:
    return {"from": sender, "at_ms": round(at_ms, 3), "base64": base64.b64encode(raw).decode()}


def main() -> None:
    """Record the session."""
    sound = spoken(SAYS, 48_000).astype("<f4") / np.float32(32_768)
    command = ["node", str(HERE / "record.cjs"), sys.argv[1]]
    pages = subprocess.run(command, input=sound.tobytes(), capture_output=True, check=True, timeout=60).stdout
    messages = [message("server", 0, b"\x00")]
    for line in pages.splitlines():
        page = json.loads(line)
        messages.append(message("client", page["at_ms"], b"\x01" + base64.b64decode(page["page"])))
    session = {"says": SAYS, "query": urlencode(QUERY), "messages": messages}
    (HERE / "page.json").write_text(json.dumps(session, indent=1) + "\n")


if __name__ == "__main__":
    main()
