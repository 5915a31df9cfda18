"""Make `general.txt.gz` out of CLINC150: `python -m services.transcriber.phrases <train.jsonl>`."""

import gzip
import json
import sys
from pathlib import Path

from services.transcriber.phrases import GENERAL


def main() -> None:
    """Read the texts of a JSON Lines file; the same input gives the same bytes."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rows = Path(sys.argv[1]).read_text("utf-8").splitlines()
    texts = sorted({json.loads(row)["text"].strip() for row in rows})
    GENERAL.write_bytes(gzip.compress("\n".join(texts).encode(), compresslevel=9, mtime=0))
    print(f"{GENERAL}: {len(texts)} phrases, {GENERAL.stat().st_size} bytes")


main()
