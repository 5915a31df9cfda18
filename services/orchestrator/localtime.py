"""What time it is for the user: in the zone that they named, else in this machine's."""

import os
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path

from services.orchestrator.language.slots import zone

_LOCALTIME = Path("/etc/localtime")


@cache
def machine_zone() -> tzinfo:
    """The machine's zone by its IANA name, so that its changes are known; else its present offset."""
    names = [os.environ.get("TZ", "").lstrip(":")]
    if _LOCALTIME.is_symlink():
        names.append(os.readlink(_LOCALTIME).partition("zoneinfo/")[2])
    found = next((known for name in names if name and (known := zone(name))), None)
    return found or datetime.now().astimezone().tzinfo or UTC


def zone_of(timezone: object) -> tzinfo:
    """The zone of that name where it is one, else the machine's."""
    return (zone(timezone) if isinstance(timezone, str) else None) or machine_zone()


def local_now(timezone: object = None) -> datetime:
    """The present moment in `zone_of(timezone)`."""
    return datetime.now(zone_of(timezone))
