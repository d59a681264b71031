"""Ports of this machine for tests."""

import random
import socket

# below those that a client gets by chance (net.ipv4.ip_local_port_range)
LOWEST, HIGHEST = 20_000, 32_000


def free_port() -> int:
    """A port that nobody uses, and neither its neighbour: `make run` puts the payment simulator there."""
    while True:
        port = random.randrange(LOWEST, HIGHEST, 2)
        if _is_free(port) and _is_free(port + 1):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
