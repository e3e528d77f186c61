"""The production server itself, as operators run it, on its own database, beside a local Cognito."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cognito.server import LocalCognito

ROOT = Path(__file__).resolve().parents[1]


def production(cognito: LocalCognito, database: Path, **more: str) -> dict[str, str]:
    """The environment of the server, with debug off; `more` comes on top."""
    return {
        **os.environ,
        **cognito.environment(),
        "DJANGO_DEBUG": "false",
        "DJANGO_HTTPS": "false",
        "DJANGO_SECRET_KEY": "for-the-tests-of-serving-only-0123456789-abcdefghijklmnop",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "COGNITO_ALLOW_INSECURE_ENDPOINT": "true",
        "DATABASE_URL": f"sqlite:///{database}",
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
    """`granian` as `make serve` starts it. `ask` opens a connection of its own each time, so any worker may answer."""

    def __init__(self, environment: dict[str, str], workers: int = 2) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        granian = Path(sys.executable).with_name("granian")
        options = ["--interface", "wsgi", "--workers", str(self._workers), "--blocking-threads", "4"]
        options += ["--no-ws", "--http", "1"]
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
