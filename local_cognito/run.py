"""``make run``: starts the local Cognito, prepares the database and sample books, and starts the server.

Everything is safe to repeat, and everything this starts ends with it.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from local_cognito import demo
from local_cognito.server import DEFAULT_PORT

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "books" / "sample_catalogue.csv"
START_SECONDS = 30
STOP_SECONDS = 5


class CannotRun(Exception):
    """Why it does not run, in one line for the person who asked for it."""


def main() -> int:
    """Run until Ctrl-C. Gives the exit status: 1, after one clear line, when something is in the way."""
    host, port = os.environ.get("HOST") or "127.0.0.1", _port("PORT", 8000)
    cognito_port = _port("COGNITO_LOCAL_PORT", DEFAULT_PORT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started: list[subprocess.Popen[bytes]] = []
    try:
        _require_free("PORT", host, port)
        _require_free("COGNITO_LOCAL_PORT", "127.0.0.1", cognito_port)
        with tempfile.TemporaryDirectory() as scratch:
            local = _start_cognito(started, cognito_port, _app_urls(host, port), Path(scratch) / "environment.json")
        environment = _environment(local, host)
        _manage(environment, "migrate", "--verbosity", "0")
        _manage(environment, "import_books", str(SAMPLE), "--if-empty")
        started.append(_start([sys.executable, "manage.py", "runserver", f"{host}:{port}"], environment))
        url = _app_urls(host, port)[0]
        _wait_until_healthy(url, started)
        print(welcome(url, local["COGNITO_ENDPOINT_URL"]), flush=True)
        return _watch(started)
    except CannotRun as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(started)


def welcome(url: str, cognito_url: str) -> str:
    """What to do next: addresses, people, and one line to paste."""
    people = "\n".join(f"    {person.email:<20} {person.group}" for person in demo.PEOPLE)
    return f"""
  Cognito Books is running.

    the API           {url}/api/v1/books/
    its documentation {url}/api/docs/
    the admin         {url}/admin/
    mail it "sent"    {cognito_url}/_local/

  Everybody's password is {demo.PASSWORD}
{people}

  Sign in and add a book (one line to paste into another terminal):

{curl(url)}

  Ctrl-C stops everything.
"""


def curl(url: str) -> str:
    """One shell line that signs in, prints the access token and adds a book with it."""
    credentials = json.dumps({"email": "user@example.com", "password": demo.PASSWORD})
    book = json.dumps({"title": "The Left Hand of Darkness", "authors": ["Ursula K. Le Guin"], "published_year": 1969})
    pick = "import json, sys; print(json.load(sys.stdin)['access_token'])"
    is_json = "-H 'Content-Type: application/json'"
    return (
        f"TOKEN=$(curl -s {url}/api/v1/accounts/sign-in/ {is_json} -d '{credentials}' | python3 -c \"{pick}\")"
        f'; echo "$TOKEN"; curl -s {url}/api/v1/books/ {is_json} -H "Authorization: Bearer $TOKEN" -d \'{book}\''
    )


def _port(variable: str, default: int) -> int:
    value = os.environ.get(variable) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        sys.exit(f"{variable} must be a port number, not {value!r}.")
    return int(value)


def _app_urls(host: str, port: int) -> list[str]:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104 - compared, not bound
    return list(dict.fromkeys([f"http://{shown}:{port}", f"http://localhost:{port}"]))


def _require_free(variable: str, host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CannotRun(f"{host}:{port} cannot be used: {why}. Set {variable} to another port.") from None


def _start(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches only us, and we end its whole family.
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def _start_cognito(
    started: list[subprocess.Popen[bytes]], port: int, app_urls: list[str], ready_file: Path
) -> dict[str, str]:
    """Start the stand-in; give the environment with which the service uses it."""
    command = [sys.executable, "-m", "local_cognito", "--port", str(port), "--ready-file", str(ready_file)]
    for url in app_urls:
        command += ["--app-url", url]
    # What it prints is for the developer: the mail it would have sent.
    cognito = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    started.append(cognito)
    deadline = time.monotonic() + START_SECONDS
    while not ready_file.exists():
        if cognito.poll() is not None or time.monotonic() > deadline:
            raise CannotRun("The local Cognito did not start.")
        time.sleep(0.05)
    environment: dict[str, str] = json.loads(ready_file.read_text())
    return environment


def _environment(local: dict[str, str], host: str) -> dict[str, str]:
    """The server's environment: what the shell has set wins over what suits this machine."""
    defaults = {
        "DJANGO_DEBUG": "true",
        # Good for this run and its reloads: sessions of the last one end.
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
        "DJANGO_ALLOWED_HOSTS": f"127.0.0.1,localhost,[::1],{host}",
        "PYTHONUNBUFFERED": "1",
        **local,
    }
    return defaults | {name: value for name, value in os.environ.items() if value}


def _manage(environment: dict[str, str], *arguments: str) -> None:
    if subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=False).returncode:
        raise CannotRun(f"`manage.py {arguments[0]}` failed: its message is above.")


def _wait_until_healthy(url: str, started: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and all(process.poll() is None for process in started):
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise CannotRun("The server did not start: its message is above.")


def _watch(started: list[subprocess.Popen[bytes]]) -> int:
    while all(process.poll() is None for process in started):
        time.sleep(0.5)
    raise CannotRun("A part of the product has ended, so all of it does.")


def _stop(started: list[subprocess.Popen[bytes]]) -> None:
    """End what was started, last first, with all its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in reversed(started):
            _signal_family(process, number)
        deadline = time.monotonic() + STOP_SECONDS
        for process in started:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue


def _signal_family(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main())
