"""Runs the production server on its own database with a local Cognito, for tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local_cognito.server import LocalCognito

ROOT = Path(__file__).resolve().parents[1]


def production(cognito: LocalCognito, database: Path, **more: str) -> dict[str, str]:
    """The environment of the server, with debug off; `more` comes on top."""
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return {
        **inherited,
        **cognito.environment(),
        "DJANGO_DEBUG": "false",
        "DJANGO_HTTPS": "false",
        "DJANGO_SECRET_KEY": "for-the-tests-of-serving-only-0123456789-abcdefghijklmnop",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "COGNITO_ALLOW_INSECURE_ENDPOINT": "true",
        "DATABASE_URL": f"sqlite:///{database}",
        "DJANGO_SETTINGS_MODULE": "tests.serving.settings",
        "DRAIN_SECONDS": "0",
        **more,
    }


def manage(environment: dict[str, str], *arguments: str) -> None:
    """Run `manage.py` in that environment; raises CalledProcessError when it fails."""
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


@dataclass
class Answer:
    """Status and JSON body, if there is one."""

    status: int
    body: Any


class Service:
    """The server, as `make serve` starts it. `ask` opens a connection each time, so that any worker may answer."""

    def __init__(self, environment: dict[str, str], workers: int = 2, log: Path | None = None) -> None:
        # Kept until the service is no more: nobody else gets the port, not while the server starts nor while it is
        # stopped. The server's own sockets may share it (SO_REUSEPORT), and this one does not listen.
        kept = socket.socket()
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        weakref.finalize(self, kept.close)
        self.port: int = kept.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._workers = workers
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        address = {"HOST": "127.0.0.1", "PORT": str(self.port), "WORKERS": str(self._workers)}
        with ExitStack() as files:
            log = files.enter_context(self._log.open("ab")) if self._log else None
            self._process = subprocess.Popen(
                [sys.executable, "-m", "config.serve"],
                cwd=ROOT,
                env={**self._environment, **address},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/healthz").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise AssertionError("The server did not start.")

    @property
    def pid(self) -> int:
        """The main process, which leads the group that its workers are in."""
        assert self._process is not None
        return self._process.pid

    def ended(self, seconds: float) -> bool:
        """Whether the main process ends within so many seconds."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Stop it with all its workers."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(self._process.pid, signal.SIGTERM)
                if not self.ended(20):
                    os.killpg(self._process.pid, signal.SIGKILL)
                    self._process.wait(30)
            self._process = None

    def kill_a_worker(self) -> None:
        """Kill one of the workers (SIGKILL), as the kernel does when memory runs out."""
        psutil.Process(self.pid).children()[0].kill()

    def read(self, path: str, token: str) -> str:
        """The text at `path`."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            text: str = response.read().decode()
        return text

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> Answer:
        """The answer to a request."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, _json(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _json(error.read()))


def _json(body: bytes) -> Any:
    return json.loads(body) if body else None
