"""``python -m local_cognito``: the local Cognito as a process; ends with Ctrl-C or with its parent."""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from local_cognito.messages import Message
from local_cognito.server import DEFAULT_APP_URLS, DEFAULT_PORT, DEFAULT_REGION, LocalCognito, describe


def main() -> int:
    """Run it. Gives the exit status: 1 when the port is taken."""
    options = _options()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    parent = os.getppid()
    cognito = LocalCognito(
        options.port,
        region=options.region,
        app_urls=options.app_url or DEFAULT_APP_URLS,
        on_message=_tell,
    )
    try:
        cognito.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        print(f"The local Cognito cannot listen on 127.0.0.1:{options.port}: {reason}", file=sys.stderr)
        return 1
    print(describe(cognito.environment()), flush=True)
    if options.ready_file:
        _write_ready_file(options.ready_file, cognito.environment())
    # A parent that died without a word leaves us to another one.
    while not ended.wait(0.5) and os.getppid() == parent:
        pass
    cognito.stop()
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_cognito", description="A strict local Amazon Cognito.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="default %(default)s; 0 takes a free one")
    parser.add_argument("--region", default=DEFAULT_REGION, help="default %(default)s")
    parser.add_argument(
        "--app-url",
        action="append",
        metavar="URL",
        help="address of the service, for its callbacks; may be given several times "
        f"(default {' and '.join(DEFAULT_APP_URLS)})",
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="write the service's environment there as JSON once listening",
    )
    return parser.parse_args()


def _tell(message: Message) -> None:
    # Nobody may be reading any more; that is no reason for a sign-up to fail.
    with contextlib.suppress(OSError):
        print(f"Mail to {message.to} ({message.kind.replace('_', ' ')}): {message.code}", flush=True)


def _write_ready_file(path: Path, environment: dict[str, str]) -> None:
    """Appears complete or not at all, readable by its owner only: a client secret is in it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(environment, file)
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
