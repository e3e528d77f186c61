"""The people of the contract's tests: real tokens of the local Cognito, real rows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from pytest_django.fixtures import Settings

from accounts.cognito import administration
from accounts.flows.rates import Rate
from accounts.models import User
from books import writing
from local_cognito.server import LocalCognito
from tests.accounts.people import NEW_PASSWORD, PASSWORD, Person
from tests.conftest import Client
from tests.contract.contract import ANONYMOUS, ROLE_OF, Caller

EMAIL_OF = {"guest": "guest@example.com", "user": "user@example.com", "admin": "admin@example.com"}

MakeCaller = Callable[[str], Caller]


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request closes the connection that holds the test's transaction; Django's own test client does the same."""
    for connection in connections.all():
        monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)


@pytest.fixture(autouse=True)
def _no_end_of_attempts(settings: Settings) -> None:
    """Limits have their own tests; here they would hide from everything behind them. 429 is in the document."""
    settings.ACCOUNTS_THROTTLES = {name: Rate(1_000_000, 60) for name in settings.ACCOUNTS_THROTTLES}


@pytest.fixture
def caller(cognito: LocalCognito, db: None) -> MakeCaller:
    """Makes one of the four, in a service that has a book of theirs, one of somebody else's and one of nobody's."""

    def make(who: str) -> Caller:
        people = {name: Person.signed_in(email) for name, email in EMAIL_OF.items()}
        other = User.objects.create(sub="somebody-else", email="else@example.com")
        ids: dict[str, list[str]] = {
            "id": [
                str(writing.add(title="Beowulf", author_names=["Unknown"]).pk),
                str(writing.add(title="Emma", author_names=["Jane Austen"], added_by=other).pk),
            ],
            "sub": [person.sub for person in people.values()],
        }
        words: dict[str, list[Any]] = {
            "email": [*EMAIL_OF.values(), "nobody@example.com"],
            "password": [PASSWORD],
            "current_password": [PASSWORD],
            "new_password": [NEW_PASSWORD, PASSWORD],
            "refresh_token": [person.tokens["refresh_token"] for person in people.values()],
            "isbn": ["9780141439518", "0-14-143951-3", None],
            "language": ["en", "pt-BR", ""],
        }
        if who == ANONYMOUS:
            return Caller(who, None, ids=ids, words=words)
        person = people[who]
        row = User.objects.create(sub=person.sub, email=person.email)
        mine = writing.add(title="Persuasion", author_names=["Jane Austen"], added_by=row)
        ids["id"].append(str(mine.pk))
        first: list[str] = [person.tokens["access_token"]]

        def sign_in() -> str:
            """The token that there is; when it has ended, that of somebody new with the same role."""
            if first:
                return first.pop()
            email = f"another-{len(cognito.messages.all())}@example.com"
            another = Person.signed_up(Client(), cognito, email)
            administration.replace_role(another.sub, ROLE_OF[who])
            token: str = another.refreshed().tokens["access_token"]
            return token

        return Caller(who, sign_in, _is_good, ids, words, {str(mine.pk)})

    return make


def _is_good(token: str) -> bool:
    return Client().bearing(token).get("/api/v1/books/?id=1").status_code == 200
