"""`make benchmark`: command line of the benchmarks; prints tables and removes everything it created."""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import psycopg

from benchmarks.flames import flame_graph
from benchmarks.imports import importing, write_csv
from benchmarks.service import Service
from benchmarks.tables import Table
from benchmarks.tokens import verification
from benchmarks.traffic import Catalogue, costs, depth, memory

LEAST_ROWS = 200
IMPORTED = 5000  # books of the catalogue that is imported when none is named
MEANING = "What the figures mean, how they are made, and what to trust: docs/performance.md."
_began = time.monotonic()


def main() -> None:
    """Read the command line, measure, tell."""
    options = _options()
    tables = []
    with Service() as service:
        setting = _setting(service, options.rows)
        print(setting, flush=True)
        _tell(f"seeding {options.rows:,} books")
        service.manage("seed_books", str(options.rows))
        service.databases.analyze(service.database)
        _tell("starting the server, as make serve does")
        service.start()
        _tell("minting tokens, and walking over the first pages")
        catalogue = Catalogue(service, pages=options.per_round * options.rounds)
        if options.flame_graph:
            _tell("recording a flame graph")
            flame_graph(service, catalogue, options.flame_graph)
        else:
            for table in _measured(service, catalogue, options):
                print(f"\n{table.text()}", flush=True)
                tables.append(table)
    if options.markdown:
        options.markdown.write_text("\n".join([setting, "", *(table.markdown() for table in tables), MEANING, ""]))
    _tell("done")
    print(MEANING)


def _measured(service: Service, catalogue: Catalogue, options: argparse.Namespace) -> Iterator[Table]:
    """The tables, one after the other."""
    _tell("memory")
    yield memory(service, catalogue, options.requests)
    _tell("tokens")
    yield verification(service.pool, options.rounds)
    _tell("requests")
    yield costs(service, catalogue, options.per_round, options.rounds)
    _tell("searches, filters, orderings, and a far page")
    yield depth(service, catalogue, options.rows, repeat=5 * options.rounds)
    _tell("importing")
    file = options.csv
    if file is None:
        file = service.folder / "catalogue.csv"
        pages = catalogue.walk(100, min(IMPORTED, options.rows) // 100)
        write_csv(file, chain.from_iterable(books for _, books in pages))
    yield importing(service, file, options.preset, options.rounds)


def _tell(what: str) -> None:
    print(f"{time.monotonic() - _began:4.0f} s  {what}", flush=True)


def _setting(service: Service, rows: int) -> str:
    """What is measured, and on what."""
    redis = "Redis (REDIS_URL)" if service.redis else "no REDIS_URL, which more than one needs"
    return (
        f"Cognito Books, {rows:,} books in {service.databases}; workers: {service.workers}, {redis}; "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make benchmark", description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=20_000, help="made-up books in the catalogue (20000)")
    add("--rounds", type=int, default=3, help="interleaved rounds of each figure (3)")
    add("--per-round", type=int, default=1000, help="requests of each kind in a round (1000)")
    add("--requests", type=int, default=20_000, help="requests that memory is watched over (20000)")
    add("--csv", type=Path, help="a catalogue to import (default: 5,000 of the made-up books)")
    add("--preset", default="", help="its preset, as import_books takes it")
    add("--markdown", type=Path, metavar="FILE", help="write the tables to FILE as well")
    add("--flame-graph", type=Path, metavar="FILE", help="only write a flame graph of a worker under load (py-spy)")
    options = parser.parse_args()
    if options.rows < LEAST_ROWS:
        parser.error(f"--rows must be {LEAST_ROWS} at least: a far page has to be far.")
    return options


if __name__ == "__main__":
    # So that the server and the databases go with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except (RuntimeError, OSError, psycopg.Error) as error:
        sys.exit(f"The benchmark ended early: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
