"""Generators of API clients: how each makes a client from our OpenAPI document, and how the acts are run with it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODE_MODULES = HERE.parent / "node_modules"
ACTS = ("sign-in", "pages", "create", "change", "412 stale", "401 stranger", "400 mistaken", "delete", "sign-out")


@dataclass(frozen=True)
class Run:
    """Where a client is made and what it is to call."""

    folder: Path
    """Empty at first; the client goes to `client` in it."""
    document: Path
    url: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Generator:
    """A generator, and the file in acts/ that uses its clients."""

    name: str
    acts: str
    generate: Callable[[Run], None]

    def missing(self) -> str:
        """What has to be installed before it can be run, as a sentence; empty where nothing is."""
        if self.acts.endswith(".py"):
            absent = find_spec("openapi_python_client") is None or find_spec("openapi_generator_cli") is None
            return "needs `make .venv/.e2e`" if absent else ""
        absent = shutil.which("node") is None or not (NODE_MODULES / "orval").exists()
        return "needs node, and `npm ci --prefix tests/clients`" if absent else ""

    def act(self, run: Run) -> dict[str, str]:
        """How each act went: `yes`, or what went wrong; nothing but the first where there is no client."""
        try:
            return self._act(run)
        except (OSError, subprocess.SubprocessError) as error:
            printed = getattr(error, "stdout", "") or ""
            return {ACTS[0]: f"{error}\n{printed}{getattr(error, 'stderr', '') or ''}"}

    def _act(self, run: Run) -> dict[str, str]:
        self.generate(run)
        for file in (HERE / "acts").iterdir():
            if file.is_file():
                shutil.copy(file, run.folder)
        if self.acts.endswith(".py"):
            said = _call(run, sys.executable, self.acts)
        else:
            for other in {*run.folder.glob("*.ts")} - {run.folder / self.acts, run.folder / "acts.ts"}:
                other.unlink()  # tsc checks all that there is
            _call(run, "node_modules/.bin/tsc", "--project", "tsconfig.json")
            bundle = ("--bundle", "--platform=node", "--format=esm", "--outfile=acts.mjs", "--log-level=warning")
            _call(run, "node_modules/.bin/esbuild", self.acts, *bundle)
            said = _call(run, "node", "acts.mjs")
        told: dict[str, str] = json.loads(said)
        return told


def _call(run: Run, *command: str) -> str:
    """What a command prints, run in the folder of the client. Raises CalledProcessError, with what it printed."""
    environment = {**os.environ, **run.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=run.folder, env=environment, capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout


def _node(run: Run, *command: str) -> None:
    (run.folder / "node_modules").symlink_to(NODE_MODULES)
    _call(run, f"node_modules/.bin/{command[0]}", *command[1:])


def _openapi_python_client(run: Run) -> None:
    # `ruff`, which formats what it writes, is beside Python.
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--path", str(run.document))
    _call(Run(run.folder, run.document, run.url, {"PATH": path}), *command, "--meta", "none", "--output-path", "client")


def _openapi_generator(run: Run) -> None:
    command = (str(BIN / "openapi-generator-cli"), "generate", "-g", "python", "-i", str(run.document))
    _call(run, *command, "-o", ".", "--additional-properties=packageName=client,generateSourceCodeOnly=true")


def _openapi_typescript(run: Run) -> None:
    _node(run, "openapi-typescript", str(run.document), "-o", "client/schema.d.ts")


def _hey_api(run: Run) -> None:
    _node(run, "openapi-ts", "--input", str(run.document), "--output", "client", "--no-log-file")


def _orval(run: Run) -> None:
    output = {"target": "client/client.ts", "client": "fetch", "baseUrl": run.url}
    configuration = {"books": {"input": {"target": str(run.document)}, "output": output}}
    (run.folder / "orval.config.cjs").write_text(f"module.exports = {json.dumps(configuration)};\n")
    _node(run, "orval", "--config", "orval.config.cjs")


GENERATORS = (
    Generator("openapi-python-client", "openapi_python_client.py", _openapi_python_client),
    Generator("openapi-generator (Python)", "openapi_generator.py", _openapi_generator),
    Generator("openapi-typescript + openapi-fetch", "openapi_fetch.ts", _openapi_typescript),
    Generator("hey-api", "hey_api.ts", _hey_api),
    Generator("orval", "orval.ts", _orval),
)


def table(told: Mapping[str, Mapping[str, str]]) -> str:
    """Clients by acts, as text; what went wrong is below."""
    width = max(map(len, told), default=0)
    lines = [" " * width + "".join(f"  {act}" for act in ACTS)]
    for name, acts in told.items():
        cells = ("yes" if acts.get(act) == "yes" else "NO" for act in ACTS)
        lines.append(
            name.ljust(width) + "".join(f"  {cell.ljust(len(act))}" for cell, act in zip(cells, ACTS, strict=True))
        )
    wrong = [f"{name}: {act}: {went}" for name, acts in told.items() for act, went in acts.items() if went != "yes"]
    return "\n".join(lines + wrong)
