"""What a client does wrong on this wire; it hears of it as an `error` event and the call goes on."""

from types import UnionType
from typing import Any


class WireError(Exception):
    """One `error` event. `code` is OpenAI's own where there is one."""

    def __init__(
        self, code: str, message: str, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.code, self.param, self.kind = code, param, kind

    def body(self, event_id: str | None) -> dict[str, Any]:
        """The `error` object; `event_id` is the client's event that caused it."""
        return {
            "type": self.kind,
            "code": self.code,
            "message": str(self),
            "param": self.param,
            "event_id": event_id,
        }


Kind = type | UnionType


def field(event: dict[str, Any], name: str, kind: Kind, default: Any = ..., within: str = "") -> Any:
    """Take `name` out of a client's event; `within` is where in the event we are, as the error names it.

    Raises:
        WireError: missing, or of another type.
    """
    param = within + name
    value = event.get(name, default)
    if value is ...:
        raise WireError("missing_required_parameter", f"Missing required parameter: '{param}'.", param)
    # To Python True is a number.
    is_other = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    if value is not default and is_other:
        raise WireError("invalid_type", f"Invalid type for '{param}': got {type(value).__name__}.", param)
    return value


def too_long(param: str, most: int) -> WireError:
    """A text beyond what is taken."""
    return WireError(
        "string_above_max_length", f"Invalid '{param}': string too long, {most} characters at most.", param
    )
