"""Whose timers and notes: a user's, under one API key of the gateway's. The house stands for whoever runs it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Whose:
    """Somebody for whom things are kept. The same name under another key is somebody else."""

    owner: str | None = None
    """The API key's name; None: the house, which is every operator and whoever sits at its machine."""
    user_id: str | None = None
    """None: whoever calls without a name."""
