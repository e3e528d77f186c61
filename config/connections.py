"""The TCP connections of this process, found through /proc (Linux; elsewhere there are none to find)."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, suppress

_LAST_DATA_SENT, _LAST_DATA_RECEIVED = 44, 52  # offsets in `struct tcp_info` (linux/tcp.h); in milliseconds


def sockets() -> Iterator[socket.socket]:
    """A second handle on each TCP socket of this process, closed after use.

    A descriptor is looked at through a copy of it: the number may be another connection's a moment later.
    """
    with suppress(OSError):
        for descriptor in os.listdir("/proc/self/fd"):
            with suppress(OSError), closing(_copied(int(descriptor))) as found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                    yield found


def end_idle(address: str, seconds: float) -> None:
    """End the connections with `address` on which nothing was sent or received for so many seconds.

    Whoever reads from one of them meets its end; what is still to be sent is sent.
    """
    for found in sockets():
        with suppress(OSError):
            if found.getpeername()[0] == address and _idle_seconds(found) >= seconds:
                found.shutdown(socket.SHUT_RD)


def _idle_seconds(connection: socket.socket) -> float:
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)
    times: list[int] = [
        struct.unpack_from("=I", information, offset)[0] for offset in (_LAST_DATA_SENT, _LAST_DATA_RECEIVED)
    ]
    return min(times) / 1000


def _copied(descriptor: int) -> socket.socket:
    """A second handle on a socket. Raises OSError for anything else."""
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise
