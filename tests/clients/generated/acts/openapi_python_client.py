"""The acts, by the client of openapi-python-client."""

from typing import Any

import acts
from client import AuthenticatedClient, Client
from client.api.accounts import sign_in, sign_out
from client.api.books import books_create, books_destroy, books_list, books_partial_update, books_retrieve
from client.models import BookRequest, PatchedBookRequest, SignInBodyRequest, SignOutBodyRequest, Tokens
from client.types import UNSET

anonymous = Client(base_url=acts.URL)
held: dict[str, Any] = {}


def signing_in() -> None:
    tokens = sign_in.sync(client=anonymous, body=SignInBodyRequest(email=acts.EMAIL, password=acts.PASSWORD))
    assert isinstance(tokens, Tokens), tokens
    held["tokens"], held["client"] = tokens, AuthenticatedClient(base_url=acts.URL, token=tokens.access_token)


def pages() -> None:
    ids: set[int] = set()
    cursor: Any = UNSET
    while cursor is not None:
        page = books_list.sync(client=anonymous, page_size=10, cursor=cursor)
        ids |= {book.id for book in page.results}
        cursor = acts.cursor_of(page.next_)
    assert len(ids) == acts.TOTAL, len(ids)


def create() -> None:
    answer = books_create.sync_detailed(client=held["client"], body=BookRequest.from_dict(acts.BOOK))
    assert answer.status_code == 201, answer
    acts.changed_only(acts.BOOK, answer.parsed.to_dict())
    held["id"] = answer.parsed.id


def read() -> dict[str, Any]:
    answer = books_retrieve.sync_detailed(held["id"], client=held["client"])
    held["etag"] = answer.headers["ETag"]
    book: dict[str, Any] = answer.parsed.to_dict()
    return book


def patch(title: str, tag: str) -> Any:
    body = PatchedBookRequest(title=title)
    return books_partial_update.sync_detailed(held["id"], client=held["client"], body=body, if_match=tag)


def change() -> None:
    before = read()
    assert patch("Persuasion, changed", held["etag"]).status_code == 200
    acts.changed_only(before, read(), "title")


def stale() -> None:
    answer = patch("Too late", '"0-0"')
    acts.refused(answer.status_code, answer.parsed, 412, "precondition_failed")
    assert read()["title"] == "Persuasion, changed"


def stranger() -> None:
    answer = books_create.sync_detailed(client=anonymous, body=BookRequest.from_dict(acts.BOOK))
    acts.refused(answer.status_code, answer.parsed, 401, "not_authenticated")


def mistaken() -> None:
    answer = books_create.sync_detailed(client=held["client"], body=BookRequest.from_dict(acts.MISTAKEN))
    acts.refused(answer.status_code, answer.parsed, 400, "invalid")
    acts.pointed(error.pointer for error in answer.parsed.errors)


def delete() -> None:
    answer = books_destroy.sync_detailed(held["id"], client=held["client"], if_match=held["etag"])
    assert answer.status_code == 204, answer
    gone = books_retrieve.sync_detailed(held["id"], client=held["client"])
    acts.refused(gone.status_code, gone.parsed, 404, "not_found")


def signing_out() -> None:
    body = SignOutBodyRequest(refresh_token=held["tokens"].refresh_token)
    assert sign_out.sync_detailed(client=held["client"], body=body).status_code == 204
    answer = books_create.sync_detailed(client=held["client"], body=BookRequest.from_dict(acts.BOOK))
    acts.refused(answer.status_code, answer.parsed, 401, "token_revoked")


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
