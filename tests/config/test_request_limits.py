"""What is refused before it is parsed: large heads, long headers, large bodies, uploads that nobody expects."""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client as Browser
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import User
from config.api import in_units
from config.request_limits import MAX_CONTENT_TYPE, MAX_ENTITY_TAGS, MAX_HEAD, RequestLimits, well_formed_cookies
from config.wsgi import application
from tests.accounts.people import BOOKS
from tests.conftest import Client

pytestmark = pytest.mark.django_db

JSON = "application/json"
MIB = 1024 * 1024


class Answer(NamedTuple):
    """What the WSGI application answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> Any:
        """That of the problem."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        return json.loads(self.body)["code"]


def ask(method: str, path: str, body: bytes = b"", content_type: str = JSON, /, **environ: Any) -> Answer:
    """The answer of the application, with all that stands before Django."""
    request = RequestFactory().generic(method, path, body, content_type)
    got: list[Any] = []
    # As Django's test client does: the connection holds the transaction of the test.
    request_started.disconnect(close_old_connections)
    try:
        answer = application({**request.environ, **environ}, lambda *given: got.extend(given) or (lambda _: None))  # type: ignore[func-returns-value]
        return Answer(int(got[0][:3]), dict(got[1]), b"".join(answer))
    finally:
        request_started.connect(close_old_connections)


# --- Heads ---


@pytest.mark.parametrize("path", ["/", BOOKS, "/healthz", "/accounts/sign-in/", "/static/admin/css/base.css"])
def test_a_head_over_32_kib_is_431_everywhere(path: str) -> None:
    answer = ask("GET", path, HTTP_X_ANYTHING="a" * MAX_HEAD)
    assert (answer.status, answer.code) == (431, "request_header_fields_too_large")


def test_many_headers_count_as_one_large_one_does(visitor: Client) -> None:
    few, many = ({f"HTTP_X_{number}": "a" * 1000 for number in range(count)} for count in (30, 33))
    assert ask("GET", BOOKS, **few).status == 200
    assert ask("GET", BOOKS, **many).status == 431


def test_a_long_query_counts_too() -> None:
    assert ask("GET", BOOKS, QUERY_STRING="search=" + "a" * MAX_HEAD).status == 431


def test_a_refusal_has_an_id_a_line_in_the_log_and_the_headers_of_all_answers(caplog: Any) -> None:
    caplog.set_level("INFO", "config.requests")
    answer = ask("GET", f"/api/{'a' * 1000}", HTTP_X_ANYTHING="a" * MAX_HEAD, HTTP_X_REQUEST_ID="Amy-1")
    assert answer.headers["X-Request-ID"] == json.loads(answer.body)["request_id"] == "Amy-1"
    assert {"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy"} <= {*answer.headers}
    assert answer.headers["Cache-Control"] == "no-store"
    (line,) = caplog.records
    assert (line.fields["status"], line.fields["code"]) == (431, "request_header_fields_too_large")
    assert len(line.getMessage()) < 300, "neither is the log filled"


def test_somebody_with_a_browser_reads_a_page() -> None:
    answer = ask("GET", "/", HTTP_COOKIE="a=" + "a" * MAX_HEAD, HTTP_ACCEPT="text/html,*/*")
    assert (answer.status, answer.headers["Content-Type"]) == (431, "text/html; charset=utf-8")
    assert f"larger than {in_units(MAX_HEAD)}" in answer.body.decode()


def test_an_answer_that_is_kept_does_not_let_a_large_head_in(visitor: Client) -> None:
    assert [ask("GET", BOOKS).status for _ in range(2)] == [200, 200]
    assert ask("GET", BOOKS, HTTP_X_ANYTHING="a" * MAX_HEAD).status == 431


def test_a_content_type_of_257_characters_is_not_parsed() -> None:
    long = JSON + "; a=" + "b" * (MAX_CONTENT_TYPE - len(JSON) - 4)
    assert ask("POST", BOOKS, b"{}", long).status == 401
    answer = ask("POST", BOOKS, b"{}", long + "b")
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert ask("GET", BOOKS, CONTENT_TYPE=long + "b").status == 415, "Django parses that of a GET too"


@pytest.mark.parametrize("header", ["HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"])
def test_a_hundred_entity_tags_are_compared_and_no_more(header: str, visitor: Client) -> None:
    assert ask("GET", BOOKS, **{header: ", ".join(['"a"'] * MAX_ENTITY_TAGS)}).status == 200
    answer = ask("GET", BOOKS, **{header: ", ".join(['"a"'] * (MAX_ENTITY_TAGS + 1))})
    assert (answer.status, answer.code) == (400, "invalid")


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("sessionid=abc123; csrftoken=XyZ", "sessionid=abc123; csrftoken=XyZ"),
        ("a=1;b=2", "a=1; b=2"),
        ('quoted="abc"; empty=', 'quoted="abc"; empty='),
        ('sessionid=abc; theirs={"a":1}; csrftoken=x', "sessionid=abc; csrftoken=x"),
        (r"a=\101; b=1", "b=1"),
        ('a="x; b=1', "b=1"),
        ("a=one two; b=1,2; c=K\xf6ln; d=\x01; e=1", "e=1"),
        ("nameless; =1; two words=1; e==", "e=="),
        ("", ""),
    ],
)
def test_cookies_that_no_rfc_allows_are_dropped_and_the_others_kept(sent: str, kept: str) -> None:
    assert well_formed_cookies(sent) == kept
    got: list[str] = []
    RequestLimits(lambda environ, _: got.append(environ["HTTP_COOKIE"]) or [])({"HTTP_COOKIE": sent}, lambda *_: print)  # type: ignore[func-returns-value]
    assert got == [kept]


@pytest.mark.parametrize("sent", ["*/*", "application/*", "*/json", "*/*; charset=utf-8"])
def test_a_wildcard_is_no_content_type(uma: Client, sent: str) -> None:
    response = uma.generic("POST", BOOKS, '{"title": "Emma", "authors": ["Jane Austen"]}', sent)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


# --- Bodies in chunks: without a Content-Length ---


def in_chunks(method: str, path: str, body: bytes, **environ: Any) -> Answer:
    """The answer to a body in chunks, which the server has put together."""
    environ = {
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
        **environ,
    }
    return ask(method, path, b"", **{"wsgi.input": Server(body), **environ})


class Server:
    """The `wsgi.input` of a server that has the whole body; unlike a BytesIO it may have to be waited for."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int) -> bytes:
        return self._content.read(size)


@pytest.fixture
def emma(uma: Client) -> str:
    """The path of a book of Uma's."""
    return str(uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).json()["url"]).removeprefix(
        "http://testserver"
    )


def test_a_body_in_chunks_is_read_like_any_other(uma: Client, emma: str) -> None:
    title = json.dumps({"title": "Emma, in chunks"}).encode()
    answer = in_chunks("PATCH", emma, title, HTTP_AUTHORIZATION=f"Bearer {uma.token}")
    assert (answer.status, json.loads(answer.body)["title"]) == (200, "Emma, in chunks")
    assert uma.get(emma).json()["title"] == "Emma, in chunks"


def test_half_a_body_in_chunks_changes_nothing(uma: Client, emma: str) -> None:
    answer = in_chunks("PATCH", emma, b'{"title": "Em', HTTP_AUTHORIZATION=f"Bearer {uma.token}")
    assert (answer.status, answer.code) == (400, "invalid")


def test_a_body_in_chunks_over_a_mebibyte_is_too_large(uma: Client) -> None:
    answer = in_chunks("POST", BOOKS, b" " * MIB + b"{}", HTTP_AUTHORIZATION=f"Bearer {uma.token}")
    assert (answer.status, answer.code) == (413, "too_large")


@pytest.mark.parametrize(
    "path, environ",
    [
        ("/accounts/sign-in/", {}),
        (BOOKS, {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}),
        (BOOKS, {"wsgi.input_terminated": False}),
    ],
    ids=["a form", "compressed", "a server that does not put chunks together"],
)
def test_chunks_that_are_not_read_are_411(path: str, environ: dict[str, Any]) -> None:
    answer = in_chunks("POST", path, b"{}", **environ)
    assert (answer.status, answer.code) == (411, "length_required")


def test_a_body_with_two_lengths_is_malformed() -> None:
    answer = in_chunks("POST", BOOKS, b"{}", CONTENT_LENGTH="2")
    assert (answer.status, answer.code) == (400, "invalid")


# --- Large bodies, and uploads ---


@pytest.fixture
def disk(settings: Settings, tmp_path: Path) -> Path:
    """The directory where Django would put uploads."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    return tmp_path


@pytest.mark.parametrize("path", ["/accounts/sign-in/", "/accounts/sign-up/", "/admin/break-glass/", "/nowhere/"])
@pytest.mark.parametrize("kind", ["multipart/form-data", "application/x-www-form-urlencoded"])
def test_no_page_takes_more_than_a_mebibyte(path: str, kind: str) -> None:
    body, boundary = b"a=" + b"b" * MIB, "; boundary=x" if "multipart" in kind else ""
    answer = ask("POST", path, body, kind + boundary)
    assert answer.status == (404 if path == "/nowhere/" else 413)
    page = Browser().post("/accounts/sign-in/", body, content_type=kind + boundary, headers={"Accept": "text/html"})
    assert (page.status_code, page["Content-Type"]) == (413, "text/html; charset=utf-8")


def test_nobody_with_a_cookie_sends_the_api_more(visitor: Client) -> None:
    answer = ask("POST", BOOKS, b"a" * (MIB + 1), "multipart/form-data; boundary=x", HTTP_COOKIE="sessionid=abc")
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_file_sent_to_a_form_is_written_nowhere(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", pytest.fail)
    file = SimpleUploadedFile("books.csv", b"a" * 1000)
    page = Browser().post("/accounts/sign-in/", {"email": "uma@example.com", "file": file})
    assert page.status_code == 200
    assert not page.wsgi_request.FILES
    assert page.wsgi_request.POST["email"] == "uma@example.com"


IMPORT = "/admin/books/book/import/"


def uploaded(browser: Browser, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> tuple[Any, list[bytes]]:
    """The answer to an upload of 3 MiB to the import of the admin, and what was parsed of it."""
    parsed: list[bytes] = []
    receive = MemoryFileUploadHandler.receive_data_chunk

    def noted(self: MemoryFileUploadHandler, data: bytes, start: int) -> Any:
        parsed.append(data)
        return receive(self, data, start)

    monkeypatch.setattr(MemoryFileUploadHandler, "receive_data_chunk", noted)
    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", pytest.fail)
    file = SimpleUploadedFile("books.csv", b"title,authors\n" + b"a" * 3 * MIB)
    return browser.post(IMPORT, {"file": file, "preset": "own", "delimiter": ",", "encoding": "utf-8"}, **extra), parsed


def somebody(settings: Settings, **fields: Any) -> Browser:
    """A browser in which somebody is signed in who may open the admin."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    browser = Browser(enforce_csrf_checks=True)
    sam = User.objects.create_superuser("Sam")
    User.objects.filter(pk=sam.pk).update(**fields)
    browser.force_login(sam)
    return browser


def test_an_import_is_parsed_only_for_those_who_may(
    settings: Settings, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, parsed = uploaded(somebody(settings, is_superuser=False), monkeypatch)
    assert (answer.status_code, parsed) == (403, [])


def test_an_import_without_its_token_reaches_no_disk(
    settings: Settings, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = somebody(settings)
    sam.get(IMPORT)
    answer, parsed = uploaded(sam, monkeypatch)
    assert (answer.status_code, list(disk.iterdir())) == (403, [])
    assert parsed, "in memory, which it leaves with the request"


def test_an_import_with_its_token_is_taken(settings: Settings, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sam = somebody(settings)
    sam.get(IMPORT)
    answer, _ = uploaded(sam, monkeypatch, headers={"X-CSRFToken": sam.cookies["csrftoken"].value})
    assert answer.status_code == 302
