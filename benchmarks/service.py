"""The server under test: `make serve` with a generated user pool and temporary databases."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import psutil

from accounts.tokens.testing import Pool
from benchmarks.databases import Databases

ROOT = Path(__file__).resolve().parents[1]
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Benchmark"
A_DAY = 24 * 3600  # seconds that a token lives: longer than any benchmark
OWN_SETTINGS = ("ACCOUNTS_", "AWS_", "BOOKS_", "COGNITO_", "CORS_", "DJANGO_", "NUM_PROXIES")


class Service:
    """The server, running, with all it needs. A context manager: on leaving, nothing of it is left."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="books-benchmark-")
        self.folder = Path(self._temporary.name)
        self.databases = Databases(self.folder)
        self.redis = os.environ.get("REDIS_URL", "")
        # More than one worker needs Redis: `manage.py check` says so.
        self.workers = 2 if self.redis else 1
        self.pool = Pool(ISSUER, "benchmark")
        self.port = _free_port()
        self.empty = self.database = ""
        self._log = self.folder / "server.log"
        self._server: psutil.Popen | None = None

    def __enter__(self) -> Self:
        self._keys = _serve_keys(self.pool)
        try:
            self.empty = self.databases.create()
            self.manage("migrate", "--verbosity", "0", database=self.empty)
            self.database = self.databases.create(self.empty)
        except BaseException:
            self.__exit__(None)
            raise
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None and issubclass(error, Exception) and self._log.exists():
            print(f"The end of the server's log:\n{self._log.read_text(errors='replace')[-3000:]}")
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGTERM)
            try:
                self._server.wait(40)
            except psutil.TimeoutExpired:
                os.killpg(self._server.pid, signal.SIGKILL)
        self._keys.shutdown()
        self.databases.drop_all()
        self._temporary.cleanup()

    def token(self, name: str, *, admin: bool = False) -> str:
        """An access token of one day for somebody who may add books, or change all of them."""
        return self.pool.access_token(name, ["ROLE_ADMIN" if admin else "ROLE_USER"], exp=int(time.time()) + A_DAY)

    def manage(self, *arguments: str, database: str = "") -> str:
        """Run `manage.py`: what it printed. Raises RuntimeError when it fails."""
        command = [sys.executable, "manage.py", *arguments]
        environment = self._environment(database or self.database)
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(arguments)} failed.")
        return done.stdout

    def start(self) -> None:
        """Start what `make serve` starts and wait until it answers. Raises RuntimeError."""
        with self._log.open("wb") as log:
            self._server = psutil.Popen(
                [sys.executable, "-m", "config.serve"],
                cwd=ROOT,
                env=self._environment(self.database),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._server.poll() is None:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0 and len(self.worker_processes()) >= self.workers:
                    return
            time.sleep(0.2)
        raise RuntimeError("The server did not start.")

    def processes(self) -> Sequence[psutil.Process]:
        """The server's first process and all it started."""
        assert self._server is not None  # noqa: S101 (for mypy: start() comes first)
        return [self._server, *self._server.children(recursive=True)]

    def worker_processes(self) -> list[psutil.Process]:
        """Those that serve: the ones with no children of their own, but for Python's helper of multiprocessing."""
        leaves = [process for process in self.processes() if not process.children()]
        return [process for process in leaves if "resource_tracker" not in " ".join(process.cmdline())]

    def cpu_seconds(self) -> float:
        """User and system time of the server's processes so far, with those that ended."""
        return sum(sum(process.cpu_times()[:4]) for process in self.processes())

    def _environment(self, database: str) -> dict[str, str]:
        # The shell's own settings of the service must not change what is measured.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
        return inherited | {
            "DJANGO_SECRET_KEY": "for-the-benchmark-only-0123456789-abcdefghijklmnopqrstuvwxyz",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_HTTPS": "false",
            "COGNITO_REGION": "eu-west-1",
            "COGNITO_USER_POOL_ID": "eu-west-1_Benchmark",
            "COGNITO_CLIENT_ID": self.pool.client_id,
            "COGNITO_JWKS_URL": f"http://127.0.0.1:{self._keys.server_port}/jwks.json",
            "COGNITO_ALLOW_INSECURE_ENDPOINT": "true",
            "DATABASE_URL": database,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": str(self.workers),
            "DRAIN_SECONDS": "0",
        }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _serve_keys(pool: Pool) -> ThreadingHTTPServer:
    document = pool.key_set()

    class KeySet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), KeySet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
