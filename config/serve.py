"""How does the production server start and stop? `python -m config.serve`: the one home of granian's settings.

It refuses to start with a setting that `manage.py check --deploy` calls an error. The application is loaded once, and
the workers are copies of that process; one that dies is replaced at once, one that grows past WORKER_MAX_RSS in good
order.

A worker told to stop (SIGTERM or SIGINT: to the main process, to the whole group, or to itself) loses no request:

    SIGTERM ── DRAIN_SECONDS ────────── SETTLE_SECONDS ───── at most ANSWER_SECONDS ──── killed
               serves as before, but    no new connections;  requests under way are
               every answer ends its    those made before    answered, idle connections
               connection               are accepted         closed

granian alone closes its listening socket at once: connections that the kernel has made but nobody has accepted yet
are then reset, and so is a request that is just arriving on a connection kept alive (both seen with 2.8).
"""

import ctypes
import gc
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import django
import granian.wsgi
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from granian import Granian, _signals
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from config.connections import sockets

# For each worker: three, since sign-ins wait for Cognito, and those that wait for bodies (config/bodies.py). The pool
# of database connections (config/settings.py) is as large.
BLOCKING_THREADS = 8
SETTLE_SECONDS = 0.5  # from the last new connection until it has been accepted: more than a round trip to the client
ANSWER_SECONDS = 30  # for the requests under way when a worker stops; it is killed after that
# How long a connection may be idle, or take for the head of a request. Longer than a load balancer keeps its own
# (AWS's: 60 seconds), or that would now and then send a request into one that we are closing, and answer 502.
IDLE_SECONDS = 75
# Backpressure: connections that a worker accepts at once; the next ones wait in the kernel's queue. One that is idle,
# or has not finished its head, takes 19 KiB of a worker's memory, and at most MAX_BUFFER_BYTES more (measured with
# granian 2.8): 2,048 of them 40 MiB, and 300 MiB at the very worst.
CONNECTIONS = 2048
MAX_BUFFER_BYTES = 128 * 1024  # granian refuses a longer head itself; config/request_limits.py refuses one over 32 KiB
DESCRIPTORS_KEPT = 256  # for files, the database and whoever is asked: where there are too few, accept() fails

logger = logging.getLogger("config.serve")

_MEMORY = "/dev/shm"  # noqa: S108 - a folder with a name of its own is made in it
_stopping = threading.Event()


def main() -> None:
    """Serve until a signal says stop. Exits with 1 when the settings are not fit to serve with."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Workers are copies of this process, whatever the platform's habit: it has loaded everything and opened nothing.
    multiprocessing.set_start_method("fork")
    folder = _metrics_folder()
    connections = _connections()
    django.setup()
    logging.captureWarnings(True)  # into the log, in its form
    warnings = StringIO()
    try:
        # Without a database: Django 6.1 and newer would ask it, and one that is unreachable would hide a wrong setting.
        call_command(
            "check", deploy=True, fail_level="ERROR", databases=[], stdout=StringIO(), stderr=warnings, no_color=True
        )
    except SystemCheckError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        sys.exit(str(error))
    if warnings.getvalue():
        logger.warning("%s", warnings.getvalue().strip())
    server = Granian(
        "config.wsgi:application",
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=settings.WORKERS,
        blocking_threads=BLOCKING_THREADS,
        blocking_threads_idle_timeout=600,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000, max_buffer_size=MAX_BUFFER_BYTES),
        backpressure=connections,
        websockets=False,
        respawn_failed_workers=True,
        workers_max_rss=settings.WORKER_MAX_RSS,
        workers_kill_timeout=settings.DRAIN_SECONDS + ANSWER_SECONDS + 2,
        log_level=LogLevels.warning,
        log_dictconfig={"loggers": {"_granian": {}}},  # no handler of its own: its lines look like ours
    )
    if folder is not None:
        server.on_shutdown(lambda: shutil.rmtree(folder, ignore_errors=True))
    server.on_startup(lambda: _once_told(server.signal_handler_interrupt))
    setattr(_signals, "set_sync_signals", _then_drain(_signals.set_sync_signals))  # noqa: B010 - granian has no hook
    _keep_secrets_out_of_requests()
    _load()
    # What is loaded stays: Python need not look through it for garbage, nor workers copy the pages that it lies on.
    gc.collect()
    gc.freeze()
    # Until it hears for itself, a new worker must not speak in the pipe of this process.
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    server.serve(target_loader=_load, wrap_loader=False)


def _metrics_folder() -> Path | None:
    """The folder that was made here for the counts of the workers; None without metrics, or when one was named."""
    if not settings.METRICS_TOKEN:
        return None
    if settings.METRICS_FOLDER:
        # What is left of an earlier server was counted by its workers, not by ours.
        for file in Path(settings.METRICS_FOLDER).glob("*.db"):
            file.unlink()
        return None
    # In memory: a worker whose file lies on a full disk is killed when it counts (SIGBUS), and so are its successors.
    folder = tempfile.mkdtemp(prefix="metrics-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # prometheus_client reads it when it is imported
    return Path(folder)


def _keep_secrets_out_of_requests() -> None:
    """Let granian put no variable of this process into `request.META`, where each request would carry our secrets.

    PEP 3333 permits servers to do so. It would also make every request dearer, which has a copy of all of them.
    """
    setattr(granian.wsgi, "os", SimpleNamespace(environ={}))  # noqa: B010 - granian has no hook


def _connections() -> int:
    """How many connections each worker may have at once: CONNECTIONS, where so many files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + DESCRIPTORS_KEPT
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(wanted - DESCRIPTORS_KEPT, 64)


def _load() -> WSGIApplication:
    """The application, whose answers end their connections once this worker is stopping (RFC 9112 section 9.6)."""
    from config.wsgi import application

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
            ending = [("Connection", "close")] if _stopping.is_set() else []
            return start_response(status, headers + ending, *more)

        return application(environ, start)

    return serve


def _then_drain(set_signals: Callable[[], Any]) -> Callable[[], Any]:
    """granian's way to prepare a worker for signals, with the drain put before its way to stop."""

    def prepare() -> Any:
        event = set_signals()

        def drain() -> None:
            _stopping.set()
            pause = threading.Event()
            pause.wait(settings.DRAIN_SECONDS)
            _refuse_new_connections(settings.PORT)
            pause.wait(SETTLE_SECONDS)
            event.set()

        for number in _STOP:
            signal.signal(number, lambda *_: None)  # it is `_once_told` that hears of it
        _once_told(drain)
        return event

    return prepare


_STOP = (signal.SIGTERM, signal.SIGINT)


def _once_told(act: Callable[[], object]) -> None:
    """Call `act` at the first signal of _STOP, in a thread of its own. To be called from the main thread.

    Python runs the handlers of signals in the main thread. That sleeps on when the kernel has given a signal to another
    thread, which it may and does (seen under load), and then nobody acts on it. This descriptor is written to from
    whichever thread it was (the `signal` module, "set_wakeup_fd").
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def listen() -> None:
        # Once: when the group was told, the main process tells its workers again.
        while os.read(reader, 1)[0] not in _STOP:
            pass
        act()

    threading.Thread(target=listen, name="signals", daemon=True).start()


# A filter of packets (classic BPF, linux/filter.h) that drops those with SYN, which ask for a new connection, and lets
# pass all others: load the byte of flags; has it SYN?; drop; pass.
_NO_SYN = b"".join(
    struct.pack("HBBI", *step)
    for step in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
)
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; Python has no name for it


def _refuse_new_connections(port: int) -> None:
    """Let the kernel make no more connections for this process on `port`; those that it has made wait to be accepted.

    A client whose request for a connection is dropped sends it again after a second, and finds another server or none.
    """
    if sys.platform != "linux":
        return
    steps = ctypes.create_string_buffer(_NO_SYN)
    program = struct.pack("HP", len(_NO_SYN) // 8, ctypes.addressof(steps))
    for found in sockets():
        with suppress(OSError):
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.getsockname()[1] == port:
                found.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


if __name__ == "__main__":
    main()
