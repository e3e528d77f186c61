"""The acts, by the Python client of openapi-generator."""

from collections.abc import Callable
from typing import Any

import acts
from client import (
    AccountsApi,
    ApiClient,
    BookRequest,
    BooksApi,
    Configuration,
    PatchedBookRequest,
    SignInBodyRequest,
    SignOutBodyRequest,
    Tokens,
)
from client.exceptions import ApiException

strangers = ApiClient(Configuration(host=acts.URL))
anonymous = BooksApi(strangers)
held: dict[str, Any] = {}


def problem_of(act: Callable[[], Any]) -> Any:
    """The exception that carries the problem which an act is answered with."""
    try:
        act()
    except ApiException as refusal:
        return refusal
    raise AssertionError("It was not refused.")


def signing_in() -> None:
    body = SignInBodyRequest(email=acts.EMAIL, password=acts.PASSWORD)
    outcome = AccountsApi(strangers).sign_in(body)
    tokens = outcome.actual_instance
    assert isinstance(tokens, Tokens), outcome
    client = ApiClient(Configuration(host=acts.URL, access_token=tokens.access_token))
    held.update(tokens=tokens, books=BooksApi(client), accounts=AccountsApi(client))


def pages() -> None:
    ids: set[int] = set()
    cursor = None
    while True:
        page = anonymous.books_list(page_size=10, cursor=cursor)
        ids |= {book.id for book in page.results}
        cursor = acts.cursor_of(page.next)
        if cursor is None:
            break
    assert len(ids) == acts.TOTAL, len(ids)


def create() -> None:
    book = held["books"].books_create(BookRequest(**acts.BOOK))
    acts.changed_only(acts.BOOK, book.to_dict())
    held["id"] = book.id


def read() -> dict[str, Any]:
    answer = held["books"].books_retrieve_with_http_info(held["id"])
    # pydantic has made a plain dictionary of urllib3's: names are as the server writes them.
    held["etag"] = {name.lower(): value for name, value in answer.headers.items()}["etag"]
    book: dict[str, Any] = answer.data.to_dict()
    return book


def patch(title: str, tag: str) -> Any:
    body = PatchedBookRequest(title=title)
    return held["books"].books_partial_update(held["id"], if_match=tag, patched_book_request=body)


def change() -> None:
    before = read()
    patch("Persuasion, changed", held["etag"])
    acts.changed_only(before, read(), "title")


def stale() -> None:
    refusal = problem_of(lambda: patch("Too late", '"0-0"'))
    acts.refused(refusal.status, refusal.data, 412, "precondition_failed")
    assert read()["title"] == "Persuasion, changed"


def stranger() -> None:
    refusal = problem_of(lambda: anonymous.books_create(BookRequest(**acts.BOOK)))
    acts.refused(refusal.status, refusal.data, 401, "not_authenticated")


def mistaken() -> None:
    refusal = problem_of(lambda: held["books"].books_create(BookRequest(**acts.MISTAKEN)))
    acts.refused(refusal.status, refusal.data, 400, "invalid")
    acts.pointed(error.pointer for error in refusal.data.errors)


def delete() -> None:
    assert held["books"].books_destroy_with_http_info(held["id"], if_match=held["etag"]).status_code == 204
    refusal = problem_of(lambda: held["books"].books_retrieve(held["id"]))
    acts.refused(refusal.status, refusal.data, 404, "not_found")


def signing_out() -> None:
    body = SignOutBodyRequest(refresh_token=held["tokens"].refresh_token)
    assert held["accounts"].sign_out_with_http_info(sign_out_body_request=body).status_code == 204
    refusal = problem_of(lambda: held["books"].books_create(BookRequest(**acts.BOOK)))
    acts.refused(refusal.status, refusal.data, 401, "token_revoked")


acts.report(
    {
        "sign-in": signing_in,
        "pages": pages,
        "create": create,
        "change": change,
        "412 stale": stale,
        "401 stranger": stranger,
        "400 mistaken": mistaken,
        "delete": delete,
        "sign-out": signing_out,
    }
)
