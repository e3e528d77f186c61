"""The production server itself, with two workers, as operators run it; on its own database, beside a local Cognito."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_cognito.server import LocalCognito

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Answer:
    """Status and JSON body, if there is one."""

    status: int
    body: Any


class Service:
    """`granian` with two workers. `ask` opens a connection of its own each time, so either worker may answer."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        granian = Path(sys.executable).with_name("granian")
        options = ["--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws", "--http", "1"]
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        command = [str(granian), *options, *address, "config.wsgi:application"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, start_new_session=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/healthz").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("The server did not start.")

    def stop(self) -> None:
        """Stop it with all its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5)
            self._process = None

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


@pytest.fixture
def service(_stand_in: LocalCognito, tmp_path: Path) -> Iterator[Service]:
    """The service, running, with a database of its own."""
    _stand_in.reset()
    environment = {
        **os.environ,
        **_stand_in.environment(),
        "DJANGO_DEBUG": "false",
        "DJANGO_HTTPS": "false",
        "DJANGO_SECRET_KEY": "for-the-tests-of-serving-only-0123456789-abcdefghijklmnop",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "COGNITO_ALLOW_INSECURE_ENDPOINT": "true",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'books.sqlite3'}",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment, check=True)
    running = Service(environment)
    running.start()
    yield running
    running.stop()
