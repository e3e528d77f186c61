"""`python -m tests.clients.generated` makes a client with each generator, and prints the table of clients by acts."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import tests.environment  # noqa: F401 - settings of the tests, whatever the shell says
from tests.clients.generated.clients import ACTS, GENERATORS, table
from tests.clients.generated.service import running


def main() -> int:
    """The exit status: 0 when every client does every act."""
    told: dict[str, dict[str, str]] = {}
    with TemporaryDirectory() as scratch, running(Path(scratch)) as target:
        for number, generator in enumerate(GENERATORS):
            if missing := generator.missing():
                told[generator.name] = {"sign-in": missing}
                continue
            folder = Path(scratch) / str(number)
            folder.mkdir()
            told[generator.name] = target.acted(generator, folder)
    print(table(told))
    return 0 if all(acts == dict.fromkeys(ACTS, "yes") for acts in told.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
