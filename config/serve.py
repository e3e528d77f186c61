"""Production server: `python -m config.serve` starts granian with the settings of this service.

It refuses to start with a setting that `manage.py check --deploy` reports as an error. The application is loaded once,
and the workers are forks of that process. A worker that dies is replaced at once; one that grows past WORKER_MAX_RSS is
replaced too, and stops like the whole server does (config/graceful_stop.py).
"""

import gc
import logging
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable
from importlib import import_module
from io import StringIO
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from config.graceful_stop import drain_on_signal, stop_on_signal

# In each worker: three for calls to Cognito, and those that wait for bodies (config/bodies.py). The pool of database
# connections (config/settings.py) has the same size.
BLOCKING_THREADS = 8
ANSWER_SECONDS = 30  # for the requests in progress when a worker stops; it is killed after that
# How long a connection may be idle, or a request's head may take. Longer than a load balancer keeps its connections
# (AWS: 60 seconds): else it would sometimes send a request on one that is being closed, and answer 502.
IDLE_SECONDS = 75
# Backpressure: connections that a worker holds at once; further ones wait in the kernel's queue. One that is idle, or
# has not sent its whole head, takes 19 KiB of a worker's memory, and at most MAX_BUFFER_BYTES more (measured with
# granian 2.8): 2,048 of them 40 MiB, and 300 MiB at the very worst.
CONNECTIONS = 2048
MAX_BUFFER_BYTES = 128 * 1024  # granian refuses a longer head itself; config/request_limits.py refuses one over 32 KiB
DESCRIPTORS_KEPT = 256  # for files and other connections: accept() fails when none is left

logger = logging.getLogger("config.serve")

_MEMORY = "/dev/shm"  # noqa: S108 - a folder with a name of its own is made in it
# Request variables (RFC 3875 section 4.1), which the server sets for each request.
_REQUEST_VARIABLES = {
    *("CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR"),
    *("REQUEST_METHOD", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE"),
}


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exits with status 1 when a setting is refused."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Workers are forks on every platform: this process has loaded everything and opened no connection.
    multiprocessing.set_start_method("fork")
    folder = _metrics_folder()
    connections = _connections()
    django.setup()
    logging.captureWarnings(True)  # in the format of the log
    warnings = StringIO()
    try:
        # Without a database: Django 6.1 and newer connect to it, and an unreachable one would hide a wrong setting.
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
        log_dictconfig={"loggers": {"_granian": {}}},  # no handler of its own: the same format as all lines
    )
    if folder is not None:
        server.on_shutdown(lambda: shutil.rmtree(folder, ignore_errors=True))
    server.on_startup(stop_on_signal)
    import_module("config.wsgi")
    # What is loaded stays: the garbage collector need not examine it, nor workers copy the memory pages that hold it.
    gc.collect()
    gc.freeze()
    server.serve(target_loader=_load, wrap_loader=False)


def _metrics_folder() -> Path | None:
    """The folder for the workers' counts that this process made; None without metrics, or with METRICS_FOLDER."""
    if not settings.METRICS_TOKEN:
        return None
    if settings.METRICS_FOLDER:
        # Files of an earlier server hold the counts of its workers.
        for file in Path(settings.METRICS_FOLDER).glob("*.db"):
            file.unlink()
        return None
    # In memory: on a full disk a worker would be killed when it counts (SIGBUS), and so would its successors.
    folder = tempfile.mkdtemp(prefix="metrics-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # prometheus_client reads it when it is imported
    return Path(folder)


def _connections() -> int:
    """Number of connections that a worker may hold: CONNECTIONS, or fewer by the limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + DESCRIPTORS_KEPT
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(wanted - DESCRIPTORS_KEPT, 64)


def _load() -> WSGIApplication:
    """The application for one worker; called in its main thread."""
    from config.wsgi import application

    return drain_on_signal(_without_environment(application), settings.PORT, settings.DRAIN_SECONDS)


def _without_environment(application: WSGIApplication) -> WSGIApplication:
    """The application without the environment variables of this process in its requests.

    granian adds all of them, as PEP 3333 permits: `request.META` would hold secrets.
    """
    names = tuple(os.environ.keys() - _REQUEST_VARIABLES)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in names:
            environ.pop(name, None)
        return application(environ, start_response)

    return serve


if __name__ == "__main__":
    main()
