"""TCP ports: which are free."""

import socket


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host`:`port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server that has just stopped don't hold its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def hold_port(preferred: int | None = None) -> socket.socket:
    """A socket on `preferred` where that is free, else on any port: until it is closed no other program gets that."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As the server will: it has to get this port although connections of its former life still linger on it.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", preferred or 0))
    except OSError:
        held.bind(("127.0.0.1", 0))
    return held


def free_port(host: str = "127.0.0.1", preferred: int | None = None) -> int:
    """`preferred` when it is free, else any that is."""
    if preferred and is_free(host, preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
