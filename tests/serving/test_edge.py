"""The production server and requests at the edge of what it takes: chunks, large heads, large and slow bodies."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from local_cognito.demo import PASSWORD
from tests.accounts.people import ACCOUNTS, BOOKS
from tests.service import Service

FORM = "application/x-www-form-urlencoded"
MIB = 1024 * 1024


def sent(service: Service, method: str, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    """Status and JSON of the answer; an iterable body goes in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Content-Type": "application/json", **given})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    is_json = "json" in answer.headers.get("Content-Type", "")
    return answer.status, json.loads(text) if is_json else text


def token(service: Service) -> str:
    """Of Uma, freshly signed in."""
    answer = service.ask("POST", f"{ACCOUNTS}sign-in/", {"email": "user@example.com", "password": PASSWORD})
    return f"Bearer {answer.body['access_token']}"


def test_a_body_in_chunks_changes_the_book(service: Service) -> None:
    uma = {"Authorization": token(service)}
    _, emma = sent(service, "POST", BOOKS, iter([b'{"title": "Emma", ', b'"authors": ["Jane Austen"]}']), **uma)
    path = f"{BOOKS}{emma['id']}/"
    assert sent(service, "PATCH", path, iter([b'{"subtitle":', b' "In chunks"}']), **uma)[0] == 200
    assert service.ask("GET", path).body["subtitle"] == "In chunks"
    assert sent(service, "PATCH", path, iter([b'{"subtitle":', b" "] + [b"a" * 65536] * 17), **uma)[0] == 413
    status, problem = sent(service, "POST", "/accounts/sign-in/", iter([b"a=b"]), Content_Type=FORM)
    assert (status, problem["code"]) == (411, "length_required")
    assert service.ask("GET", path).body["subtitle"] == "In chunks"


@pytest.mark.parametrize("size", [33 * 1024, 60 * 1024])
def test_a_large_head_is_told_so(service: Service, size: int) -> None:
    status, problem = sent(service, "GET", BOOKS, None, X_Anything="a" * size)
    assert (status, problem["code"]) == (431, "request_header_fields_too_large")


@pytest.mark.parametrize("size", [2 * MIB, 30 * MIB])
def test_whoever_sends_too_much_reads_why(service: Service, size: int) -> None:
    assert sent(service, "POST", "/accounts/sign-in/", b"a" * size, Content_Type=FORM)[0] == 413
    assert sent(service, "POST", BOOKS, b"a" * size)[0] == 401


@contextmanager
def slow(service: Service, count: int, address: str) -> Iterator[list[socket.socket]]:
    """So many clients at `address` that stop in the middle of a body."""
    head = f"POST {ACCOUNTS}sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        connections = []
        for _ in range(count):
            to = ("127.0.0.1", service.port)
            connection = stack.enter_context(socket.create_connection(to, timeout=60, source_address=(address, 0)))
            connection.sendall(f'{head}Content-Length: 4000\r\n\r\n{{"a'.encode())
            connections.append(connection)
        yield connections


@pytest.mark.parametrize("count, address", [(40, "127.0.0.2"), (4, "127.0.0.1")], ids=["another address", "our own"])
def test_clients_that_stop_in_the_middle_keep_nobody_from_writing(service: Service, count: int, address: str) -> None:
    uma = token(service).removeprefix("Bearer ")
    book = {"title": "Emma", "authors": ["Jane Austen"]}
    with slow(service, count, address) as connections:
        assert {service.ask("POST", BOOKS, book, uma).status for _ in range(20)} == {201}
        # Not one of them is left waiting: it is told so, or its connection ends.
        assert {connection.recv(65536)[:12] for connection in connections} <= {b"HTTP/1.1 408", b""}
