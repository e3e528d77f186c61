"""What must hold over all workers together, and after a restart."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD
from tests.service import Service

UMA = {"email": "user@example.com", "password": PASSWORD}


def signed_in(service: Service, email: str = "user@example.com") -> dict[str, str]:
    """The tokens of a sign-in."""
    answer = service.ask("POST", f"{ACCOUNTS}sign-in/", {"email": email, "password": PASSWORD})
    assert answer.status == 200, answer
    tokens: dict[str, str] = answer.body
    return tokens


def verdicts(service: Service, token: str) -> set[str]:
    """What either worker says to a token: sixteen requests, each on a connection of its own."""

    def ask(_: int) -> str:
        answer = service.ask("GET", BOOKS, token=token)
        return "ok" if answer.status == 200 else answer.body["code"]

    with ThreadPoolExecutor(8) as threads:
        return set(threads.map(ask, range(16)))


def test_signed_out_is_signed_out_on_every_worker_within_a_second_and_after_a_restart(service: Service) -> None:
    admin = signed_in(service, "admin@example.com")["access_token"]
    (uma,) = service.ask("GET", f"{ACCOUNTS}users/?search=user", token=admin).body["results"]
    acts = [
        ("POST", f"{ACCOUNTS}sign-out/", {"everywhere": True}, None),
        ("PUT", f"{ACCOUNTS}users/{uma['sub']}/role/", {"role": "ROLE_USER"}, admin),
        ("POST", f"{ACCOUNTS}users/{uma['sub']}/disable/", None, admin),
    ]
    ended = []
    for method, path, body, by in acts:
        token = signed_in(service)["access_token"]
        assert verdicts(service, token) == {"ok"}
        assert service.ask(method, path, body, by or token).status in (200, 204)
        time.sleep(1)
        assert verdicts(service, token) == {"token_revoked"}
        ended.append(token)
    service.stop()
    service.start()
    for token in ended:
        assert verdicts(service, token) == {"token_revoked"}


def test_a_session_that_ends_leaves_the_others_alone(service: Service) -> None:
    phone, laptop = signed_in(service), signed_in(service)
    body = {"refresh_token": phone["refresh_token"]}
    assert service.ask("POST", f"{ACCOUNTS}sign-out/", body).status == 204
    time.sleep(1)
    assert verdicts(service, phone["access_token"]) == {"token_revoked"}
    assert verdicts(service, laptop["access_token"]) == {"ok"}


def test_a_write_is_seen_by_the_very_next_read_on_either_worker(service: Service) -> None:
    token = signed_in(service)["access_token"]
    for number in range(10):
        made = service.ask("POST", BOOKS, {"title": f"Volume {number}", "authors": ["Jane Austen"]}, token)
        assert made.status == 201
        assert service.ask("GET", BOOKS).body["results"][0]["title"] == f"Volume {number}"


@pytest.mark.skipif(not os.environ.get("REDIS_URL"), reason="needs REDIS_URL: limits are shared through Redis")
def test_of_400_attempts_at_once_exactly_the_allowed_number_pass(service: Service) -> None:
    def attempt(number: int) -> int:
        # Another account each time, so that only the limit of the client's address counts.
        body = {"email": f"nobody-{number}@example.com", "password": "Wrong-1815"}
        return service.ask("POST", f"{ACCOUNTS}sign-in/", body).status

    with ThreadPoolExecutor(32) as threads:
        statuses = list(threads.map(attempt, range(400)))
    assert sorted(set(statuses)) == [401, 429]
    assert statuses.count(401) == 10
