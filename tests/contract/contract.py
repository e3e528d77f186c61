"""The OpenAPI document as schemathesis reads it, the people who call, and what must hold of every answer."""

import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from schemathesis.config import HealthCheck, SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.schemas import BaseSchema

from accounts.tokens.roles import Role
from books.permissions import AUTHOR_POLICY, BOOK_POLICY

# Another seed looks elsewhere: SEED=7 make test ARGS=tests/contract. EXAMPLES says how many are drawn an operation.
SEED = int(os.environ.get("SEED", "1"))
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))

ANONYMOUS = "anonymous"
WHO = (ANONYMOUS, "guest", "user", "admin")
ROLE_OF = {"guest": Role.GUEST, "user": Role.USER, "admin": Role.ADMIN}

API = "/api/v1/"


def document() -> dict[str, Any]:
    """The OpenAPI document, as the service gives it."""
    generated: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    # As a client gets it: no Python object survives JSON.
    plain: dict[str, Any] = json.loads(json.dumps(generated, default=str))
    return plain


@cache
def api() -> BaseSchema:
    """The document with the service behind it, in this process."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True},
            "checks": {
                # A body over 1 MiB, a state that was not met, a wait: also ways to say no to what is not valid.
                "negative_data_rejection": {
                    "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 429],
                },
                # Whether data that fits the schema is taken depends on more than the schema can say: a check digit,
                # a code that was mailed, a password policy. test_good_answers.py shows for every operation that good
                # data is taken; here only crashes count, which the other checks see.
                "positive_data_acceptance": {"enabled": False},
                # It needs two identities in one run: test_permissions.py and our own `policy` look at that.
                "object_level_authorization": {"enabled": False},
            },
        }
    )
    config.suppress_health_check = [HealthCheck.all]
    schema = schemathesis.openapi.from_dict(document(), config=config)
    schema.app = get_wsgi_application()
    return schema


# --- Who may do what: an oracle of its own, which asks no view ---

_BOOK_ACTIONS = {"GET": "retrieve", "PUT": "update", "PATCH": "partial_update", "DELETE": "destroy"}


def may(who: str, method: str, path: str, *, own: bool) -> bool:
    """Whether somebody may try an operation, by the policy tables; `own`: on a book that they added."""
    roles = frozenset({ROLE_OF[who]}) if who != ANONYMOUS else frozenset()
    if path.startswith((f"{API}books/", f"{API}authors/")):
        policy = BOOK_POLICY if path.startswith(f"{API}books/") else AUTHOR_POLICY
        action = _BOOK_ACTIONS[method] if "{" in path else {"GET": "list", "POST": "create"}[method]
        rule = policy[action]
        return rule.public or rule.permits(roles, owner=own)
    if path.startswith(f"{API}accounts/users/"):
        return who == "admin"
    if path.startswith((f"{API}accounts/me/", f"{API}accounts/change-password/")):
        return who != ANONYMOUS
    return True  # for strangers


# --- Who calls ---


@dataclass
class Caller:
    """Somebody who calls the API: with a token that is renewed when it has ended, or without any."""

    who: str
    sign_in: Callable[[], str] | None
    """Gives a fresh access token."""
    is_good: Callable[[str], bool] = lambda _: True
    """Whether a token is still good."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Things that are there, by the name of a path parameter."""
    words: dict[str, list[Any]] = field(default_factory=dict)
    """What is right, by the name of a member of a body."""
    own: set[str] = field(default_factory=set)
    """The books among them that this person added."""
    token: str = ""

    def headers(self) -> dict[str, str]:
        """What to send along: a token that is good now."""
        if self.sign_in is None:
            return {}
        if not self.token or not self.is_good(self.token):
            self.token = self.sign_in()
        return {"Authorization": f"Bearer {self.token}"}

    def aim(self, case: Any) -> None:
        """Put things that are there into half of the well-formed paths and bodies: chance would hardly find them."""
        # Decided by the case itself, so that the same case is always sent the same.
        seed = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "surrogatepass"))
        if seed % 2:
            return
        if is_well_formed(case, ParameterLocation.PATH):
            for name in case.path_parameters or {}:
                case.path_parameters[name] = _one_of(self.ids[name], seed // 2)
        # A body of a case that is to be refused stays as it is, or nothing might be wrong with it any more.
        if isinstance(case.body, dict) and (case.meta is None or case.meta.generation.mode.is_positive):
            case.body = {
                name: _one_of(self.words[name], seed // 2) if name in self.words else value
                for name, value in case.body.items()
            }

    def forbidden(self, case: Any) -> bool:
        """Whether the policy says no to this person here."""
        own = str((case.path_parameters or {}).get("id")) in self.own
        return not may(self.who, case.operation.method.upper(), case.operation.path, own=own)


def is_well_formed(case: Any, location: ParameterLocation) -> bool:
    """Whether that part of a case is as the document declares it."""
    return case.meta is None or not case.meta.is_negative_at(location)


def _one_of(values: Sequence[Any], seed: int) -> Any:
    return values[seed % len(values)]


# --- What must hold of every answer, beside what schemathesis checks ---


def every_error_is_a_problem(ctx: Any, response: Any, case: Any) -> None:
    """An error is `application/problem+json` with a code, a sentence and its own status."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    if response.headers["content-type"] != ["application/problem+json"]:
        raise _failure(case, "An error is no problem", str(response.headers["content-type"]))
    problem = json.loads(response.content)
    if not problem.get("code") or not problem.get("detail") or problem.get("status") != response.status_code:
        raise _failure(case, "A problem without its code, sentence or status", str(problem))
    if problem["code"] == "invalid" and not problem.get("errors"):
        raise _failure(case, "A problem about bad input does not say what is wrong", str(problem))


def every_answer_has_its_id(ctx: Any, response: Any, case: Any) -> None:
    """`X-Request-ID`, well formed, and the same as in the body of an error."""
    (request_id,) = response.headers.get("x-request-id", [""])
    if not request_id:
        raise _failure(case, "An answer without X-Request-ID", str(response.headers))
    if response.status_code >= 400 and response.content and json.loads(response.content)["request_id"] != request_id:
        raise _failure(case, "Another id in the body", request_id)


def nothing_sent_in_secret_comes_back(ctx: Any, response: Any, case: Any) -> None:
    """No answer holds the access token; no error holds any secret that the body had."""
    said = response.content.decode("utf-8", "replace") + str(dict(response.headers))
    # What chance makes of the header may be a word that any answer has.
    scheme, _, token = response.request.headers.get("Authorization", "").partition(" ")
    secrets = [token] if scheme == "Bearer" and token.count(".") == 2 else []
    if response.status_code >= 400 and isinstance(case.body, dict):
        names = ("refresh_token", "handle", "password", "new_password", "current_password", "code")
        secrets += [case.body[name] for name in names if isinstance(case.body.get(name), str)]
    for secret in secrets:
        # Chance puts shorter ones into any sentence.
        if len(str(secret)) >= 12 and str(secret) in said:
            raise _failure(case, "A secret came back", str(secret)[:6])


def policy(caller: Caller) -> Callable[[Any, Any, Any], None]:
    """Who is not allowed is told 401 or 403, whatever they sent; nobody else's answer depends on it."""

    def who_may(ctx: Any, response: Any, case: Any) -> None:
        # A path that is malformed leads to no operation, another method to none of this table.
        if case.method.upper() != case.operation.method.upper() or not is_well_formed(case, ParameterLocation.PATH):
            return
        expected = 401 if caller.who == ANONYMOUS else 403
        # Bad credentials come before everything; a thing that is not there is nobody's own.
        allowed = {expected, 401} | ({404} if case.operation.path.startswith(f"{API}books/{{") else set())
        if caller.forbidden(case) and response.status_code not in allowed:
            raise _failure(case, f"{caller.who} was not refused", str(response.status_code))

    return who_may


OWN_CHECKS = [every_error_is_a_problem, every_answer_has_its_id, nothing_sent_in_secret_comes_back]


def _failure(case: Any, title: str, message: str) -> Failure:
    return Failure(operation=case.operation.label, title=title, message=message)
