"""Flame graph of one worker under load, recorded by py-spy."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.load import fire
from benchmarks.service import Service
from benchmarks.traffic import CONNECTIONS, Catalogue

SECONDS, RATE = 20, 400


def flame_graph(service: Service, catalogue: Catalogue, file: Path) -> None:
    """Write an SVG of what a worker does while the list is asked for with 1,000 tokens. Raises RuntimeError."""
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        raise RuntimeError("py-spy is not installed: make .venv/.dev")
    worker = service.worker_processes()[0]
    command = [spy, "record", "--pid", str(worker.pid), "--duration", str(SECONDS), "--rate", str(RATE)]
    # Only who holds the interpreter: the server's idle threads look busy to py-spy.
    command += ["--gil", "--function"]
    recording = subprocess.Popen([*command, "--output", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 2 * SECONDS
    while recording.poll() is None and time.monotonic() < deadline:
        fire(service.port, [catalogue.first_page() for _ in range(500)], 200, CONNECTIONS)
    _, told = recording.communicate()
    if recording.returncode:
        raise RuntimeError(f"py-spy failed: {told.decode(errors='replace').strip()}")
    title = "A worker while the list is asked for with 1,000 tokens: who holds the interpreter"
    # In place of the command line, whose folders are nobody's business.
    file.write_text(re.sub(r'(<text id="title"[^>]*>)[^<]*', rf"\g<1>{title}", file.read_text()))
