"""What Prometheus is told: what is counted, by which labels, and who may ask."""

import random
import re
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import OperationalError
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from accounts.tokens import revocation, signals
from accounts.tokens.testing import Pool
from accounts.tokens.verifier import get_verifier
from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD
from tests.accounts.test_tokens import REFUSED
from tests.conftest import Client
from tests.faults.services import wait_until
from tests.service import ROOT, Service, manage, production

pytestmark = pytest.mark.django_db

TOKEN = "for-the-tests-of-metrics-only-0123456789"

# A bad token for every code.
ONE_OF_EACH = dict(REFUSED.values())

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(exposition: str) -> Series:
    """Every series of a scrape, by name and labels, without the times at which they began."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


class Prometheus:
    """Prometheus, which asks for the metrics of this process."""

    def __init__(self) -> None:
        self._client = Client()
        self.scrape()  # a first time, so that being asked is itself no news in what follows
        self._before = self.scrape()

    def scrape(self) -> Series:
        """What it is told."""
        response = self._client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 200, response.content
        return series(response.content.decode())

    def more(self, name: str, **labels: str) -> float:
        """By how much a series has grown since this was made."""
        key = (name, frozenset(labels.items()))
        return self.scrape().get(key, 0) - self._before.get(key, 0)


@pytest.fixture
def prometheus(settings: Settings) -> Iterator[Prometheus]:
    """Metrics are on, and asked for."""
    settings.METRICS_TOKEN = TOKEN
    yield Prometheus()
    from config import metrics

    metrics.stop_listening()


# --- The switch, and the lock ---


def test_without_the_switch_there_are_none_and_nothing_of_them_is_loaded(
    visitor: Client, stand_in: LocalCognito, tmp_path: Path
) -> None:
    assert visitor.get("/metrics").status_code == 404
    look = "import sys, config.wsgi; sys.exit('prometheus_client' in sys.modules)"
    for token, loaded in (("", 0), (TOKEN, 1)):
        environment = production(stand_in, tmp_path / "books.sqlite3", METRICS_TOKEN=token)
        assert subprocess.run([sys.executable, "-c", look], cwd=ROOT, env=environment).returncode == loaded


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ä"]
)
def test_nobody_is_told_without_the_token(sent: str, prometheus: Prometheus, visitor: Client) -> None:
    response = visitor.get("/metrics", headers={"Authorization": sent})
    assert (response.status_code, response.json()["code"]) == (401, "metrics_token_wrong")
    assert response["WWW-Authenticate"] == 'Bearer realm="metrics"'
    assert b"http_requests" not in response.content


def test_an_administrator_of_books_is_not_told_either(prometheus: Prometheus, ada: Client) -> None:
    assert ada.get("/metrics").status_code == 401


def test_metrics_are_told_to_any_host_and_kept_by_no_cache(prometheus: Prometheus, visitor: Client) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3"}
    response = visitor.get("/metrics", headers=headers)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")


# --- What is counted ---


def test_a_request_is_counted_by_method_route_and_status(prometheus: Prometheus, uma: Client) -> None:
    uma.get(BOOKS)
    made = uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).json()
    uma.get(f"{BOOKS}{made['id']}/")
    uma.get(f"{BOOKS}999999/")
    books = "api/v1/books/$"
    routes = {labels["route"] for name, labels in map(_named, prometheus.scrape()) if name == "http_requests_total"}
    book = next(route for route in routes if route.startswith("api/v1/books/("))
    assert prometheus.more("http_requests_total", method="GET", route=books, status="200") == 1
    assert prometheus.more("http_requests_total", method="POST", route=books, status="201") == 1
    assert prometheus.more("http_requests_total", method="GET", route=book, status="200") == 1
    assert prometheus.more("http_requests_total", method="GET", route=book, status="404") == 1
    assert prometheus.more("http_request_seconds_count", route=books) == 2
    assert prometheus.more("http_request_seconds_sum", route=books) > 0
    assert prometheus.more("http_problems_total", code="not_found") == 1


def _named(key: tuple[str, frozenset[tuple[str, str]]]) -> tuple[str, dict[str, str]]:
    return key[0], dict(key[1])


@pytest.mark.parametrize("code, make", ONE_OF_EACH.items())
def test_a_refused_token_is_counted_by_its_code(
    code: str, make: Callable[[Pool], str], pool: Pool, prometheus: Prometheus, visitor: Client
) -> None:
    headers = {"Authorization": f"Bearer {make(pool)}"}
    assert visitor.get(BOOKS, headers=headers).json()["code"] == code
    assert prometheus.more("token_verdicts_total", verdict=code) == 1
    assert prometheus.more("http_problems_total", code=code) == 1


def test_good_tokens_signed_out_ones_and_those_that_cannot_be_checked_are_counted(
    prometheus: Prometheus, uma: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    uma.get(BOOKS)
    assert prometheus.more("token_verdicts_total", verdict="ok") == 1
    assert prometheus.more("key_set_fetches_total", outcome="ok") == 1

    revocation.revoke_person(str(uma.sub))
    assert uma.get(BOOKS).json()["code"] == "token_revoked"
    assert prometheus.more("token_verdicts_total", verdict="token_revoked") == 1

    def down(_: str) -> bytes:
        raise OSError

    get_verifier.cache_clear()
    monkeypatch.setattr("accounts.tokens.keys.fetch_document", down)
    assert uma.get(BOOKS).json()["code"] == "keys_unavailable"
    assert prometheus.more("token_verdicts_total", verdict="keys_unavailable") == 1
    assert prometheus.more("key_set_fetches_total", outcome="failed") == 1


def test_what_cognito_was_asked_is_counted_by_how_it_ended(
    prometheus: Prometheus, cognito: LocalCognito, visitor: Client, settings: Settings
) -> None:
    def sign_in(password: str) -> int:
        body = {"email": "user@example.com", "password": password}
        return visitor.post(f"{ACCOUNTS}sign-in/", body).status_code

    assert sign_in(PASSWORD) == 200
    assert sign_in("Wrong-1815") == 401
    settings.COGNITO_ENDPOINT_URL = "http://127.0.0.1:1"
    assert sign_in(PASSWORD) == 503
    settings.COGNITO_ENDPOINT_URL = cognito.environment()["COGNITO_ENDPOINT_URL"]
    settings.COGNITO_CLIENT_ID = "another-client"
    assert sign_in(PASSWORD) in (500, 503)
    for outcome in ("ok", "refused", "unavailable", "misconfigured"):
        assert prometheus.more("cognito_calls_total", operation="initiate_auth", outcome=outcome) == 1, outcome
    assert prometheus.more("cognito_call_seconds_count", operation="initiate_auth") == 4
    assert prometheus.more("cognito_call_seconds_sum", operation="initiate_auth") > 0


def test_who_is_turned_away_is_counted_by_the_rate_that_was_over(
    prometheus: Prometheus, cognito: LocalCognito, visitor: Client
) -> None:
    body = {"email": "user@example.com", "password": "Wrong-1815"}
    statuses = [visitor.post(f"{ACCOUNTS}sign-in/", body).status_code for _ in range(7)]
    assert statuses.count(429) == 2
    assert prometheus.more("throttled_attempts_total", rate="sign_in_account") == 2
    assert prometheus.more("throttled_attempts_total", rate="sign_in_address") == 0
    assert prometheus.more("http_problems_total", code="throttled") == 2


def test_a_database_that_does_not_answer_is_counted(
    prometheus: Prometheus, uma: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise OperationalError

    monkeypatch.setattr("books.views.BookViewSet.list", down)
    assert uma.get(BOOKS).json()["code"] == "database_unavailable"
    assert prometheus.more("http_problems_total", code="database_unavailable") == 1


def test_a_listener_that_fails_changes_no_answer(uma: Client, caplog: pytest.LogCaptureFixture) -> None:
    def fails(**_: object) -> None:
        raise ValueError

    signals.token_judged.connect(fails)
    try:
        assert uma.get(BOOKS).status_code == 200
    finally:
        signals.token_judged.disconnect(fails)
    assert "fails" in caplog.text


# --- What is not ---


def test_whatever_clients_send_the_series_stay_few_and_name_nobody(
    prometheus: Prometheus, uma: Client, pool: Pool
) -> None:
    dice = random.Random(1815)

    def word() -> str:
        return "".join(dice.choices(string.ascii_letters + string.digits + "-_.~%é", k=dice.randint(1, 20)))

    before = len(prometheus.scrape())
    for number in range(300):
        under = dice.choice(
            ["", "api/", "api/v1/", "api/v1/books/", "api/v1/accounts/", "static/", "admin/", "accounts/"]
        )
        path = f"/{under}{word()}/{'x' * number}"
        method = dice.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW", word().upper(), "get"])
        uma.generic(method, path, headers={"X-Request-ID": word()})
        uma.get(f"/{under}?{word()}={word()}", headers={"Host": f"{word()}.example.com"})
    after = prometheus.scrape()
    # Eight routes at most can be met here, each with a histogram of 16 series, few methods and few statuses.
    assert len(after) - before < 400
    labels = {value for _, pairs in after for _, value in pairs}
    methods = {value for _, pairs in after for name, value in pairs if name == "method"}
    assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}
    assert not any("xxx" in label or str(uma.sub) in label or "@" in label or "eyJ" in label for label in labels)


def test_the_page_for_the_person_on_call_names_every_metric_and_no_other(prometheus: Prometheus) -> None:
    from config import metrics

    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.split("## Metrics")[1].split("| name | labels | meaning |")[1].split("\n\n")[0]
    told = {
        (name, frozenset(re.findall(r"`(\w+)`", labels))) for name, labels in re.findall(r"`(\w+)` \| (.*?) \|", table)
    }
    ours = [metric for metric in vars(metrics).values() if isinstance(metric, Counter | Gauge | Histogram)]
    names = [next(iter(metric.describe())).name + ("_total" if isinstance(metric, Counter) else "") for metric in ours]
    assert told == {(name, frozenset(metric._labelnames)) for name, metric in zip(names, ours, strict=True)}
    asked = set(re.findall(r"\(((?:http|token|key|cognito|throttled)_[a-z_]+)", page))
    assert {name.removesuffix("_bucket") for name in asked} <= set(names)
    assert len(asked) >= 5


# --- Several workers ---


def test_one_scrape_tells_of_all_workers_and_of_those_that_are_gone(stand_in: LocalCognito, tmp_path: Path) -> None:
    stand_in.reset()
    folder = tmp_path / "counts"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"left by an earlier server")
    environment = production(
        stand_in, tmp_path / "books.sqlite3", METRICS_TOKEN=TOKEN, PROMETHEUS_MULTIPROC_DIR=str(folder)
    )
    manage(environment, "migrate", "-v", "0")
    service = Service(environment)
    service.start()
    try:
        key = ("http_requests_total", frozenset({"method": "GET", "route": "api/v1/books/$", "status": "200"}.items()))
        answers: list[int] = []

        def both_have_counted() -> bool:
            with ThreadPoolExecutor(8) as threads:
                answers.extend(threads.map(lambda _: service.ask("GET", BOOKS).status, range(64)))
            return len(_workers(folder)) == 2

        # Who answers is the kernel's choice, and the second worker may still be starting.
        wait_until("both workers have counted", both_have_counted)
        assert set(answers) == {200}
        assert {series(service.read("/metrics", TOKEN))[key] for _ in range(8)} == {len(answers)}
        service.kill_a_worker()

        def another_has_counted() -> bool:
            with suppress(OSError):  # it may have been on its way to the worker that was killed
                service.ask("GET", "/healthz")
            return len(_workers(folder)) == 3

        wait_until("another worker has counted", another_has_counted)
        assert series(service.read("/metrics", TOKEN))[key] == len(answers)
    finally:
        service.stop()


def _workers(folder: Path) -> set[str]:
    return {file.stem.rpartition("_")[2] for file in folder.glob("counter_*.db")}
