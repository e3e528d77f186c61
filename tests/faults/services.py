"""Services of our own, to be broken: PostgreSQL, Redis, a key endpoint, a Cognito that hangs, and the server itself."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import psycopg

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wait_until(what: str, is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Return when it is so. Raises AssertionError, saying `what`, when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.05)


def program(name: str) -> str:
    """The path of a server's program; Debian keeps those of PostgreSQL out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = str(debian[-1]) if debian else shutil.which(name)
    assert found, f"`make faults` needs {name}: apt-get install postgresql redis-server"
    return found


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """A process and its children, the parent first."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


class PostgreSQL:
    """A PostgreSQL in `folder`, durable as in production: fsync and synchronous_commit are on. Starts empty."""

    max_connections = 40
    # The server's own role is no superuser, for which PostgreSQL would keep three connections.
    role = "books"

    def __init__(self, folder: Path) -> None:
        self._data, self._log = folder / "postgresql", folder / "postgresql.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._data.mkdir()
        # PostgreSQL refuses to run as root.
        self._as = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        if self._as:
            folder.chmod(0o755)  # whatever the umask is: it must get there
            shutil.chown(self._data, "postgres", "postgres")
        self._make()
        self.port = free_port()  # after that, which takes its time: nobody keeps it for us

    def _make(self) -> None:
        """Put a new one into the folder."""
        locale = ["-E", "UTF8", "--locale=C.UTF-8"]
        command = [program("initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust", *locale]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, **self._as)  # type: ignore[call-overload]

    def start(self) -> None:
        """Start, recovering if need be, and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "fsync": "on",
            "synchronous_commit": "on",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [program("postgres"), "-D", str(self._data), "-p", str(self.port), *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **self._as)  # type: ignore[call-overload]
        wait_until("PostgreSQL answers", self._answers)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement of our own as superuser."""
        url = f"postgresql://postgres@127.0.0.1:{self.port}/{database}?connect_timeout=5"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def cut_off(self, whom: str) -> None:
        """End the sessions of the server's role for which `whom`, a condition on pg_stat_activity, holds."""
        self.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.role}' AND {whom}"  # noqa: S608
        )

    def has(self, database: str) -> bool:
        """Whether there is a database of this name, with all that it had when it was made."""
        try:
            self.execute("SELECT 1 FROM books_book LIMIT 1", database)
        except psycopg.Error:
            return False
        return True

    def url(self, database: str) -> str:
        """DATABASE_URL of a database."""
        return f"postgresql://{self.role}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Fast: clients are cut off, what is open is rolled back."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """All of its processes with -9, as when its machine dies."""
        assert self._process is not None
        for process in _tree(self._process):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(10)
        # Those that lost their parent take a moment to go, and PostgreSQL does not start beside them.
        time.sleep(0.5)
        self._process = None

    def freeze(self) -> None:
        """It neither answers nor goes away: its sockets stay open."""
        assert self._process is not None
        for process in _tree(self._process):
            process.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            for process in reversed(_tree(self._process)):
                process.resume()


class Redis:
    """A Redis that keeps nothing on disk, as a cache does: to stop it is to wipe it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start empty."""
        command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--appendonly", "no", "--dir", str(self._folder), "--logfile", str(self._folder / "redis.log")]
        self._process = subprocess.Popen(command)
        wait_until("Redis answers", lambda: _listens(self.port))

    def stop(self) -> None:
        """Stop; clients are cut off."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def wipe(self) -> None:
        """FLUSHALL."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            assert connection.recv(100).startswith(b"+OK")


def with_key(key_set: bytes, key: dict[str, Any]) -> bytes:
    """A JWK Set with one more key."""
    return json.dumps({"keys": [*json.loads(key_set)["keys"], key]}).encode()


class KeyEndpoint:
    """Serves `document` as the pool's key set, while it is `up`; `asked` counts."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.up = True
        self.asked = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.asked += 1
                self.send_response(200 if endpoint.up else 503)
                self.end_headers()
                self.wfile.write(endpoint.document if endpoint.up else b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys.json"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class Tap:
    """A way to `target`, a port of 127.0.0.1, that can be `hung`: connections are then accepted, and nothing comes."""

    def __init__(self, target: int) -> None:
        self.hung = threading.Event()
        self._target = target
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(near)
            if self.hung.is_set():
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open.append(far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.hung.is_set():
                    return  # what is under way hangs too
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Cut everybody off."""
        self._listener.close()
        for each in self._open:
            each.close()


SERVER = "config.serve"
"""The module that `make serve` runs."""


class Server:
    """The production server with two workers, by the very command that `make serve` ends in. Logs to `log`."""

    workers = 2

    def __init__(self, environment: dict[str, str], log: Path, module: str = SERVER) -> None:
        self.port = free_port()
        self.log = log
        ours = {"HOST": "127.0.0.1", "PORT": str(self.port), "WORKERS": str(self.workers)}
        # Of the make that runs us nothing is passed on.
        theirs = {name: value for name, value in environment.items() if not name.startswith(("MAKE", "MFLAGS"))}
        self._environment = {**theirs, **ours}
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    def twin(self) -> "Server":
        """Another one of the same settings, on a port of its own."""
        return Server(self._environment, self.log, self._module)

    @property
    def command(self) -> str:
        """What `make serve` runs when its preparations are done."""
        said = subprocess.run(
            ["make", "--no-print-directory", "--dry-run", "serve"],
            cwd=ROOT,
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        command = said[said.rindex("exec ") :].strip()
        assert command.endswith(f" {SERVER}"), command
        return command.removesuffix(SERVER) + self._module

    def start(self) -> None:
        """Start, and wait until all workers are there and it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", self.command],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until("The server answers", lambda: _listens(self.port) and len(self.worker_processes()) == self.workers)

    def worker_processes(self) -> list[psutil.Process]:
        """The workers, the oldest first."""
        assert self._process is not None
        assert self._process.poll() is None, f"The server ended: {self.log.read_text()[-3000:]}"
        parent = psutil.Process(self._process.pid)
        children = [child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in children if "tracker" not in " ".join(child.cmdline())]

    def terminate(self) -> int:
        """SIGTERM, as orchestrators send it; gives the exit status once it is gone."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(60)
        self._process = None
        return status

    def stop(self) -> None:
        """End it and its workers, whatever state they are in."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5)
            self._process = None
