"""The rules of a call, without I/O: events go in, effects come out, and time is part of the event."""
