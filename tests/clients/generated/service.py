"""The production server with books in it and its OpenAPI document in a file, for generated clients."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_cognito.server import LocalCognito
from tests.clients.generated.clients import Generator, Run
from tests.service import Service, manage, production

BOOKS = 25


@dataclass(frozen=True)
class Target:
    """What clients are made from and call."""

    url: str
    document: Path

    def acted(self, generator: Generator, folder: Path) -> dict[str, str]:
        """How each act of a client went that is made in `folder`, which must be empty."""
        environment = {
            "BOOKS_URL": self.url,
            "BOOKS_TOTAL": str(BOOKS),
            "BOOKS_EMAIL": "user@example.com",
            "BOOKS_PASSWORD": "Passw0rd!",
        }
        return generator.act(Run(folder, self.document, self.url, environment))


@contextmanager
def running(folder: Path) -> Iterator[Target]:
    """The server while the context lasts, with 25 books and the three demo users, and its files in `folder`."""
    with LocalCognito() as cognito:
        environment = production(cognito, folder / "books.sqlite3")
        manage(environment, "migrate", "-v", "0")
        manage(environment, "seed_books", str(BOOKS), "-v", "0")
        service = Service(environment, workers=1, log=folder / "server.log")
        service.start()
        try:
            document = folder / "openapi.json"
            document.write_text(json.dumps(service.ask("GET", "/api/schema/?format=json").body))
            yield Target(service.url, document)
        finally:
            service.stop()
