#!/usr/bin/env bash
# A Python signal handler does not run while the main thread waits for a lock, if another thread has received the signal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat > "$folder/wait.py" <<'PROGRAM'
import platform
import signal
import sys
import threading
import time

signal.signal(signal.SIGTERM, lambda *_: handled.append(time.monotonic()))


def seconds_until_handled(receiver: threading.Thread) -> float:
    """How long a SIGTERM that `receiver` gets waits for its handler, while the main thread waits for three seconds."""
    handled.clear()
    sent: list[float] = []

    def send() -> None:
        time.sleep(0.5)
        sent.append(time.monotonic())
        signal.pthread_kill(receiver.ident, signal.SIGTERM)

    threading.Thread(target=send).start()
    threading.Event().wait(3)
    return handled[0] - sent[0]


handled: list[float] = []
other = threading.Thread(target=time.sleep, args=(10,), daemon=True)
other.start()
main = seconds_until_handled(threading.main_thread())
another = seconds_until_handled(other)
print(f"Python {platform.python_version()}: handled after {main:.1f} s; {another:.1f} s when another thread received it")
sys.exit(0 if main < 1 < another else 1)
PROGRAM
python3 "$folder/wait.py"
