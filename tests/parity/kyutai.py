"""Kyutai's golden vectors, of the language model and of Mimi: make them anew, and compare with those of the repository.

python -m tests.parity.kyutai --check      # what `make parity` does
python -m tests.parity.kyutai --write
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from tests.parity import codec, language_model
from tests.parity.vector import FOLDER

MAKERS = {"moshi": language_model.make, "mimi/kyutai": codec.make}
"""By the folder of `tests/vectors` that each fills."""

CLOSE = 1e-5
"""Machines round float32 differently; ours is held within 1e-4. Tokens and codes have to be the same."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare; fails when one differs")
    what.add_argument("--write", action="store_true", help="replace those of the repository")
    torch.set_num_threads(1)
    if parser.parse_args().write:
        for name, make in MAKERS.items():
            make(FOLDER / name)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        return max(check(name, Path(temporary) / name) for name in MAKERS)


def check(name: str, folder: Path) -> int:
    """Make the vectors of one model in `folder`. Returns 1 if one isn't what the repository has, else 0."""
    folder.mkdir(parents=True)
    MAKERS[name](folder)
    kept = {path.name for path in (FOLDER / name).iterdir()} - {"README.md"}
    made = {path.name for path in folder.iterdir()}
    verdicts = {each: _verdict(FOLDER / name / each, folder / each) for each in sorted(kept | made)}
    for each, verdict in verdicts.items():
        print(f"{name}/{each}: {verdict}")
    return int(set(verdicts.values()) != {"equal"})


def _verdict(kept: Path, made: Path) -> str:
    if not kept.exists():
        return "not in the repository"
    if not made.exists():
        return "no longer made"
    return "equal" if _equal(kept, made) else "differs"


def _equal(kept: Path, made: Path) -> bool:
    if kept.suffix == ".json":
        return bool(json.loads(kept.read_text()) == json.loads(made.read_text()))
    with np.load(kept) as before, np.load(made) as now:
        return set(before) == set(now) and all(
            before[name].shape == now[name].shape and np.allclose(before[name], now[name], rtol=0, atol=CLOSE)
            for name in before
        )


if __name__ == "__main__":
    sys.exit(main())
