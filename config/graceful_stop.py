"""Graceful stop of the server: after SIGTERM or SIGINT every request that a client has sent is answered.

The signal may reach the main process, the whole group, or one worker (which the main process replaces). Each worker:

    signal ── drain_seconds ───────── SETTLE_SECONDS ──── until the last answer ──── killed (ANSWER_SECONDS)
              serves as before, but   no new connections; requests in progress are
              each answer closes its  earlier ones are    answered, idle connections
              connection              accepted            closed

granian (2.8) alone closes its listening socket at once. The kernel then resets connections that it has established and
nobody has accepted, and a request that arrives on a connection kept alive is lost. granian's options do not change
that: `workers_kill_timeout` limits how long a worker may take, and the `on_shutdown` hook runs when the workers have
ended. Its documented remedy, `net.ipv4.tcp_migrate_req=1`, moves the queue to the socket of another worker: there is
none when all stop, and a container may not be allowed to set it. A load balancer that deregisters a server before it is
stopped sends it no such requests; a server without one, and a worker that is replaced for its memory, need this module.

It uses what the standard library and the kernel document: the mask of signals, and a socket filter (Linux).
"""

import ctypes
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from config.connections import sockets

SETTLE_SECONDS = 0.5  # from the last new connection until it has been accepted: more than a round trip to the client

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_stopping = threading.Event()


def stop_on_signal() -> None:
    """Pass the first SIGTERM or SIGINT of this process on to granian. Must be called in the main thread.

    Threads that are started and workers that are forked later inherit the mask, so that no signal is handled before
    they are ready for it.
    """
    _once_signalled(_stop)


def drain_on_signal(application: WSGIApplication, port: int, drain_seconds: float) -> WSGIApplication:
    """The application for a worker that drains before it stops. Must be called in the worker's main thread.

    `port` is the one that the worker listens on. While it drains, answers carry `Connection: close` (RFC 9112 section
    9.6).
    """

    def drain() -> None:
        _stopping.set()
        pause = threading.Event()
        pause.wait(drain_seconds)
        _refuse_new_connections(port)
        pause.wait(SETTLE_SECONDS)
        _stop()

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
            ending = [("Connection", "close")] if _stopping.is_set() else []
            return start_response(status, headers + ending, *more)

        return application(environ, start)

    _once_signalled(drain)
    return serve


def _once_signalled(act: Callable[[], object]) -> None:
    """Call `act` at the first signal, in a thread. Later signals have no effect.

    Python runs signal handlers in the main thread, which sleeps on when the kernel delivers the signal to another one,
    as it may. A signal that every thread blocks is delivered to `sigwait`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def wait() -> None:
        signal.sigwait(_SIGNALS)
        act()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _stop() -> None:
    """Do what granian does at a signal: call the handler that it has installed."""
    handler: Any = signal.getsignal(signal.SIGTERM)
    handler(signal.SIGTERM, None)


# A socket filter (classic BPF, linux/filter.h) that drops packets with SYN, which ask for a new connection: load the
# byte of TCP flags; is SYN set?; drop; accept.
_NO_SYN = b"".join(
    struct.pack("HBBI", *step)
    for step in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
)
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; the module `socket` has no name for it


def _refuse_new_connections(port: int) -> None:
    """Stop the kernel from establishing connections for this process on `port` (Linux; elsewhere this does nothing).

    Established ones can still be accepted. A client whose SYN is dropped sends it again after a second, and reaches
    another server or none.
    """
    steps = ctypes.create_string_buffer(_NO_SYN)
    program = struct.pack("HP", len(_NO_SYN) // 8, ctypes.addressof(steps))
    for found in sockets():
        with suppress(OSError):
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.getsockname()[1] == port:
                found.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
