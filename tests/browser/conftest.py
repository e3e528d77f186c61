"""Chromium before the production server with a Cognito beside it. Skips, aloud, where a part of that is missing."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_cognito.server import LocalCognito
from tests.service import ROOT, Service, manage, production

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.person import Person

CATALOGUE = ROOT / "books" / "sample_catalogue.csv"
AXE = ROOT / "tests" / "clients" / "node_modules" / "axe-core" / "axe.min.js"
# Nothing but what the tests ask for: no updates, no sync, no first-run pages.
_FLAGS = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")

# The rest of the suite must not run inside Playwright's event loop: everything here ends with this folder.
_here = pytest.fixture(scope="package")

Enter = Callable[[], "Person"]


@_here
def chromium() -> Iterator["Browser"]:
    """The browser itself; each person has a context in it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is missing: `make .venv/.e2e`")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is missing: `apt-get install chromium`")
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        # Playwright's event loop runs in this thread, where Django would refuse the fixtures' use of the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser: Browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@_here
def own_cognito() -> Iterator[LocalCognito]:
    """A Cognito for these tests alone, since the server keeps its address."""
    with LocalCognito() as cognito:
        yield cognito


@_here
def service(
    chromium: "Browser", own_cognito: LocalCognito, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service as `make serve` starts it, with the sample catalogue."""
    scratch = tmp_path_factory.mktemp("browser")
    environment = production(
        own_cognito,
        scratch / "books.sqlite3",
        # A worker alone: without Redis, two would count attempts apart.
        ACCOUNTS_THROTTLES="mail_address=1000/h,sign_in_address=1000/min,sign_in_account=1000/min",
        COGNITO_SIGN_UP_ROLES="ROLE_GUEST,ROLE_USER",
        DJANGO_SETTINGS_MODULE="tests.browser.settings",
        TESTS_STATIC_ROOT=str(scratch / "static"),
    )
    manage(environment, "migrate", "-v", "0")
    manage(environment, "collectstatic", "--noinput", "-v", "0")
    manage(environment, "import_books", str(CATALOGUE))
    running = Service(environment, workers=1)
    own_cognito.register_app(running.url)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cognito(service: Service, own_cognito: LocalCognito) -> LocalCognito:
    """The service's Cognito in its first state."""
    own_cognito.reset()
    return own_cognito


@pytest.fixture
def enter(chromium: "Browser", service: Service, cognito: LocalCognito) -> Iterator[Enter]:
    """Lets a person with a browser of their own come in; at the end nothing may have gone wrong in any of them."""
    from tests.browser.person import Person

    with ExitStack() as browsers:
        people: list[Person] = []

        def come() -> Person:
            context = chromium.new_context(base_url=service.url)
            browsers.callback(context.close)
            people.append(Person(context))
            return people[-1]

        yield come
        for person in people:
            assert person.complaints == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.exists():
        pytest.skip("axe-core is missing: `npm ci --prefix tests/clients`")
    return AXE.read_text()


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where to save what was seen: the folder SCREENSHOTS names, if any."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) if folder else None
