"""Settings by environment. Each service declares its own; the names are public (`.env.example`)."""

from typing import Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.base.problems import Problem


class BadSettings(Problem):
    """A setting has a value that cannot be used; the message names it."""

    code, title = "bad_settings", "A setting cannot be used"


class Settings(BaseSettings):
    """Root of all settings: read from the environment, unknown names ignored."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    antiphon_internal_key: str = ""
    """What services show each other (`Authorization: Bearer`). Empty: none is asked for (loopback only)."""

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            BadSettings: naming each variable and what was expected.
        """
        try:
            return cls()
        except ValidationError as error:
            lines = [f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
            raise BadSettings("; ".join(lines)) from error


def as_list(text: str) -> list[str]:
    """Split a comma-separated setting (`TRANSCRIBER_URLS`), without empty entries."""
    return [part.strip() for part in text.split(",") if part.strip()]
