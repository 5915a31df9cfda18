"""Under which addresses and names others reach this machine. Nothing is sent to find out."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address

SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation (RFC 5737, RFC 3849). To connect a datagram socket only asks for the route."""


def lan_addresses(everywhere: str) -> list[Address]:
    """The addresses of this machine that others may reach, the one of the usual route first.

    Args:
        everywhere: `0.0.0.0` or `::`, which a server binds for all addresses of the one kind or the other.
    """
    import psutil  # Takes 50 ms, for which a start on loopback need not wait.

    family = socket.AF_INET6 if ":" in everywhere else socket.AF_INET
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    found = {
        address
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if name in up and each.family == family and reachable(address := _parse(each.address))
    }
    usual = usual_address(family)
    return sorted(found, key=lambda address: (address != usual, int(address)))


def reachable(address: Address) -> bool:
    """Whether a browser elsewhere can be sent there: one of the link itself works with its network card's name only."""
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)


def usual_address(family: socket.AddressFamily) -> Address | None:
    """From where this machine talks to the world; None where no route leads out."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((SOMEWHERE[family], 9))
            return ip_address(probe.getsockname()[0])
    except OSError:
        return None


def host_names(name: str) -> list[str]:
    """The names of the host `name` in its own network: by mDNS (RFC 6762) first, then as it calls itself."""
    short = name.partition(".")[0]
    if not short.isascii() or short in ("", "localhost"):
        return []
    return list(dict.fromkeys((f"{short}.local", name, short)))


def _parse(text: str) -> Address:
    # Addresses of a link come with the card's name: fe80::1%eth0.
    return ip_address(text.partition("%")[0])
