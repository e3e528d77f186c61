"""TCP connections of this process, listed from /proc (Linux only; elsewhere the list is empty)."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, suppress

_LAST_DATA_SENT, _LAST_DATA_RECEIVED = 44, 52  # offsets in `struct tcp_info` (linux/tcp.h); in milliseconds


def sockets() -> Iterator[socket.socket]:
    """A duplicate of each TCP socket of this process, closed after use.

    Duplicates, because the number of a descriptor may belong to another connection a moment later.
    """
    with suppress(OSError):
        for descriptor in os.listdir("/proc/self/fd"):
            with suppress(OSError), closing(_copied(int(descriptor))) as found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                    yield found


def end_idle(address: str, seconds: float) -> None:
    """Shut down the connections with `address` that were idle for at least `seconds`.

    Only the receiving side is shut down: a pending read sees the end of the stream, and output is still sent.
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
    """A duplicate of a socket. Raises OSError for other descriptors."""
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise
