"""The speech wire (contracts, 4): `GET /api/chat?voice_prompt=…&text_prompt=…`, upgraded; PersonaPlex's own, and more.

Messages are binary, the first byte is the kind. NVIDIA's and Kyutai's servers read kind 0x01 alone and log the others;
their clients and LiveKit's read 0x00 to 0x02 and log the others. NVIDIA's page knows 0x00 to 0x06, and throws at other
kinds, at controls that it doesn't know and at metadata that isn't JSON. So an `Error` harms none of them; metadata goes
to those alone who asked with `antiphon=1`.

The server answers what it cannot use with an `Error` whose text begins with a code, once a code and call, and the call
goes on: who writes a client wants to be told, who talks wants to go on talking. Codes of messages: `empty_message`,
`too_long`, `unknown_kind`, `wrong_way` (a kind that only the server sends), `unknown_control`, `bad_json`,
`unknown_order`, `bad_order` (a field). Those of the sound end the call, since what follows would not be understood
either: `bad_ogg`, `too_much_sound`, `bad_pcm16`. A query that cannot be used is refused before the upgrade:
`bad_query`.
"""

from services.speech.protocol.coding import (
    MAX_DEADLINE_MS,
    MAX_ID,
    MAX_INJECTION,
    MAX_MESSAGE,
    BadMessage,
    decode_down,
    decode_up,
    encode,
)
from services.speech.protocol.messages import (
    Action,
    Audio,
    Cancel,
    Control,
    Down,
    Error,
    Event,
    Handshake,
    Hold,
    Inject,
    Injection,
    Kind,
    Metadata,
    Order,
    Ping,
    Queued,
    Ready,
    Stats,
    Text,
    Unknown,
    Up,
)
from services.speech.protocol.query import (
    MAX_TEXT_PROMPT,
    MAX_VOICE_PROMPT,
    PATH,
    BadQuery,
    Chat,
    Codec,
    parse_query,
    write_query,
)

__all__ = [
    "MAX_DEADLINE_MS",
    "MAX_ID",
    "MAX_INJECTION",
    "MAX_MESSAGE",
    "MAX_TEXT_PROMPT",
    "MAX_VOICE_PROMPT",
    "PATH",
    "Action",
    "Audio",
    "BadMessage",
    "BadQuery",
    "Cancel",
    "Chat",
    "Codec",
    "Control",
    "Down",
    "Error",
    "Event",
    "Handshake",
    "Hold",
    "Inject",
    "Injection",
    "Kind",
    "Metadata",
    "Order",
    "Ping",
    "Queued",
    "Ready",
    "Stats",
    "Text",
    "Unknown",
    "Up",
    "decode_down",
    "decode_up",
    "encode",
    "parse_query",
    "write_query",
]
