"""Where a request comes from, seen past the proxies that the deployment trusts. Rules only, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from services.base.problems import Invalid
from services.base.settings import BadSettings, as_list


@dataclass(frozen=True, slots=True)
class Proxies:
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; without any, nobody's: they are easily written."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Proxies":
        """Read `GATEWAY_TRUSTED_PROXIES`: addresses and networks, comma separated.

        Raises:
            BadSettings
        """
        try:
            return cls(tuple(ip_network(part) for part in as_list(text)))
        except ValueError as error:
            raise BadSettings(f"GATEWAY_TRUSTED_PROXIES: {error}") from error

    def trusts(self, address: str) -> bool:
        """Whether `address` is one of them."""
        ip = ip_address(address)
        return any(ip in network for network in self.networks)

    def origin(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The address of the client: the last one on the way here that is no trusted proxy's.

        Args:
            peer: who is at the other end of the connection.
            forwarded_for: the `X-Forwarded-For` headers. Each proxy adds whom it saw, at the end; what stands before
                that the client may have written itself.

        Raises:
            Invalid: a trusted proxy wrote something that is no address.
        """
        hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
        address = peer
        while hops and self.trusts(address):
            address = _bare(hops.pop())
        return address

    def scheme(self, peer: str, forwarded_proto: Sequence[str]) -> str | None:
        """`https` where a trusted proxy says that the client speaks TLS with it; None where none says anything."""
        if not forwarded_proto or not self.trusts(peer):
            return None
        return "https" if forwarded_proto[-1].split(",")[-1].strip().lower() == "https" else "http"


def _bare(hop: str) -> str:
    """An address without the port that some proxies write behind it."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError as error:
        raise Invalid("`X-Forwarded-For` holds something that is no address") from error
