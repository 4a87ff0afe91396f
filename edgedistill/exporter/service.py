"""What a board does from power-on: plays on its screen, or serves browsers."""

from dataclasses import dataclass

from edgedistill.errors import BadRequest
from edgedistill.exporter.templates import template

# For whom each of these is an address to listen on: nobody else may connect, whatever a router lets in.
PRIVATE = "localhost link-local 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"
HOSTS = {"0.0.0.0": PRIVATE, "::": PRIVATE, "127.0.0.1": "localhost"}
# Below, ports are root's.
LEAST_PORT = 1024


@dataclass(frozen=True)
class Serving:
    """Where a board's service serves."""

    host: str
    """Chosen by whoever exports: with 0.0.0.0 anyone on the network watches and presses"""
    port: int = 8000

    def __post_init__(self) -> None:
        """
        Raises:
            BadRequest: the service could not, or should not, listen there.
        """
        if self.host not in HOSTS:
            raise BadRequest(
                f"--serve takes --host 0.0.0.0 (anyone on the board's network can watch and press) or --host 127.0.0.1 "
                f"(the board itself alone), got {self.host}."
            )
        if not LEAST_PORT <= self.port <= 65_535:
            raise BadRequest(f"--port must be from {LEAST_PORT} to 65535, got {self.port}: the service is not root's.")

    @property
    def is_public(self) -> bool:
        return HOSTS[self.host] == PRIVATE

    @property
    def addresses(self) -> str:
        """From which one may connect, as systemd takes them."""
        return HOSTS[self.host]


def unit(serving: Serving | None) -> str:
    """Template of the systemd unit: what it does, then what keeps it from doing anything else."""
    return template("serve.service" if serving else "play.service") + template("hardening.service")
