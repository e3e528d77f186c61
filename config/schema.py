"""The OpenAPI document: security from the policy tables, members as they are accepted and given, every error answer."""

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.fields import empty

from accounts.api.members import KnownMembers
from accounts.tokens.authentication import StrangerAuthentication
from accounts.tokens.conf import CognitoConfig, get_config
from accounts.tokens.permissions import Rule
from accounts.tokens.roles import Role
from config import codes

BEARER_SCHEME = "cognitoAccessToken"
HOSTED_SCHEME = "cognitoSignIn"
# What Cognito gives a person's app: who they are, and the right to change their own account.
HOSTED_SCOPES = {
    "openid": "Who signed in",
    "email": "Their e-mail address",
    "profile": "Their name",
    "aws.cognito.signin.user.admin": "Read and change their own account",
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer` with a Cognito access token."""

    target_class = "accounts.tokens.authentication.BearerAuthentication"
    name = BEARER_SCHEME

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The security scheme object."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of a sign-in: `POST /api/v1/accounts/sign-in/` gives one.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session of a browser."""

    target_class = "accounts.tokens.authentication.SessionAuthentication"
    name = "browserSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The security scheme object."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class ProductSchema(AutoSchema):
    """Reads a view's policy table: who may do an operation is told in its description and its security."""

    def get_description(self) -> str:  # type: ignore[override]  # as spectacular's own does
        """The view's own words, and who may do it."""
        description = super().get_description() or ""
        rule = self._rule()
        return f"{description}\n\n**Who may:** {who_may(rule)}." if rule else description

    def get_summary(self) -> str:
        """The operation's own, else the first line of the view's docstring."""
        return super().get_summary() or (type(self.view).__doc__ or "").strip().split("\n")[0].rstrip(".")

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation object. One that needs no credentials says so: absent means unknown to a generated client."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["security"] = [*operation.get("security", [])]  # a list of its own: hooks add to it
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        """The security requirements; an empty one as well where credentials are optional, none for strangers."""
        if StrangerAuthentication in self.view.authentication_classes:
            return []
        required = [requirement for requirement in super().get_auth() if requirement]
        rule, view = self._rule(), cast("Any", self.view)
        return [*required, {}] if rule and rule.public and view.public_read() else required

    def get_tags(self) -> list[str]:
        """The first part of the path below /api/v1/."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        """The path parameters; a view says of its own what it accepts (`lookup_schema`)."""
        parameters: list[dict[str, Any]]
        parameters = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        if accepted := getattr(self.view, "lookup_schema", None):
            for parameter in parameters:
                parameter["schema"] = dict(accepted)
        return parameters

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        """The schema of a JSON object.

        In a request: no `default`, which generated clients would send in place of what a PATCH leaves out, and no
        unknown members. In an answer: every member that is always there is required.
        """
        schema: dict[str, Any]
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        members = schema["properties"] = schema.get("properties", {})
        for name, member in members.items():
            field = serializer.fields[name]
            member.pop("default", None)
            if direction == "request":
                member.pop("writeOnly", None)  # says nothing where requests have schemas of their own
                _tighten(member, field)
                if name in EXAMPLES and "$ref" not in member:
                    member["example"] = EXAMPLES[name]
        if direction == "request" and isinstance(serializer, KnownMembers):
            schema["additionalProperties"] = False
        elif direction == "response":
            fields = serializer.fields
            schema["required"] = sorted(name for name in members if _is_always_there(fields[name]))
        return schema

    def _rule(self) -> Rule | None:
        policy = getattr(self.view, "policy", {})
        return policy.get(getattr(self.view, "action", None))


def who_may(rule: Rule) -> str:
    """A rule in words, least role first."""
    if rule.public:
        return "everybody (with `BOOKS_PUBLIC_READ` off: any of the three roles)"
    words = [f"`{role}`" for role in reversed(Role) if role in rule.roles]
    words += [f"`{role}` on their own" for role in reversed(Role) if role in rule.owners]
    return ", ".join(sorted(words, key=lambda word: "own" not in word))


def _is_always_there(field: Any) -> bool:
    return bool(field.required or field.read_only or field.default is not empty)


def _tighten(schema: dict[str, Any], field: Any) -> None:
    """Add what a field says of the values that it accepts (`accepts`), and what spectacular leaves out of lists."""
    schema |= getattr(field, "accepts", {})
    if schema.get("type") == "array":
        if not field.allow_empty:
            schema["minItems"] = 1
        _tighten(schema["items"], field.child)


EXAMPLES: Mapping[str, Any] = {
    "isbn": "9780141439518",
    "title": "Pride and Prejudice",
    "subtitle": "A novel in three volumes",
    "authors": ["Jane Austen"],
    "publisher": "T. Egerton",
    "published_year": 1813,
    "language": "en-GB",
    "page_count": 432,
    "rating": 4.25,
    "subjects": ["Courtship", "Sisters"],
    "description": "It is a truth universally acknowledged …",
    "email": "user@example.com",
    "password": "Passw0rd!",  # pragma: allowlist secret - of the demo users
    "current_password": "Passw0rd!",  # pragma: allowlist secret
    "new_password": "Another-1815",  # pragma: allowlist secret
    "name": "Grace Hopper",
    "phone_number": "+4915112345678",
    "role": Role.GUEST.value,
    "code": "123456",
    "handle": "the-handle-of-the-challenge",
    "refresh_token": "the-refresh-token-of-the-sign-in",
    "everywhere": False,
}
"""Examples of the members of requests, by name. Together they make bodies that can be sent as they stand."""


def problem_schemas() -> dict[str, Any]:
    """The schemas of a problem and of its codes."""
    return {
        "Problem": PROBLEM_SCHEMA,
        "ProblemCode": {"type": "string", "enum": codes.problem_codes(), "description": "What went wrong."},
        "ErrorCode": {"type": "string", "enum": codes.error_codes(), "description": "What is wrong with a value."},
    }


PROBLEM_SCHEMA = {
    "type": "object",
    "description": "An RFC 9457 problem. `code` is stable; `errors` is there for bad input.",
    "required": ["type", "title", "status", "detail", "code", "instance", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"$ref": "#/components/schemas/ProblemCode"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "code": {"$ref": "#/components/schemas/ErrorCode"},
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Name of the query parameter."},
                },
            },
        },
    },
}

_ALWAYS = {
    "400": "Bad input.",
    "401": "No credentials where some are needed, or bad ones (on any path).",
    "406": "No representation that is accepted.",
    "431": "A request whose head is over 32 KiB.",
    "500": "A fault on our side.",
    "503": "Something we depend on does not answer: see `Retry-After`.",
}
_WITH_BODY = {
    "408": "A body that did not arrive in time.",
    "411": "A body of unknown length.",
    "413": "A body over 1 MiB.",
    "415": "A body that is not JSON.",
}
_CONDITIONAL = {"412": "`If-Match` names another version: nothing was changed."}
_METHODS = ("get", "post", "put", "patch", "delete")

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {"description": "The id of the request, as the logs have it.", "required": True},
    "WWW-Authenticate": {"description": "`Bearer`, and why a token was refused (RFC 6750).", "required": True},
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 0}},
    "ETag": {"description": "The entity tag, for `If-None-Match` and `If-Match`.", "required": True},
    "Location": {"description": "Where the new thing is.", "required": True},
}
_HEADERS_OF_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
_TAGS = {"type": "string"}
_IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "schema": _TAGS, "description": "Entity tags that are held."}
_IF_MATCH = {"name": "If-Match", "in": "header", "schema": _TAGS, "description": "The entity tag of what is meant."}


def declare_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Declare the error answers of every operation, all with the one Problem schema (a spectacular hook)."""
    result["components"].setdefault("schemas", {}).update(problem_schemas())
    for path, operations in result["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                for status, description in _problems_of(path, method, operation).items():
                    operation["responses"].setdefault(status, _problem(description))
    return result


def declare_headers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Declare the headers of every answer, and conditional requests where they are answered (a spectacular hook)."""
    declared = {name: {"schema": {"type": "string"}, **header} for name, header in _HEADERS.items()}
    result["components"]["headers"] = declared
    for path, operations in result["paths"].items():
        for method in _METHODS:
            if method in operations:
                if path.startswith(("/api/v1/books/", "/api/v1/authors/")):
                    _declare_conditions(path, method, operations[method])
                for status, response in operations[method]["responses"].items():
                    for name in ("X-Request-ID", *_HEADERS_OF_STATUS.get(status, ())):
                        _headers_of(response)[name] = {"$ref": f"#/components/headers/{name}"}
    return result


def _declare_conditions(path: str, method: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "query":
            parameter["allowEmptyValue"] = True  # as forms send what was not filled in: it counts as absent
    responses = operation["responses"]
    tagged = [status for status in responses if status in ("200", "201")]
    if method == "get":
        parameters.append(_IF_NONE_MATCH)
        responses["304"] = {"description": "What is held is still right."}
        tagged.append("304")
    elif "{" in path:
        parameters.append(_IF_MATCH)
    for status in tagged:
        _headers_of(responses[status])["ETag"] = {"$ref": "#/components/headers/ETag"}
    if "201" in responses:
        _headers_of(responses["201"])["Location"] = {"$ref": "#/components/headers/Location"}


def _headers_of(response: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = response.setdefault("headers", {})
    return headers


def declare_hosted_sign_in(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Declare the hosted sign-in beside the bearer token, where there is one (a spectacular hook)."""
    config = get_config()
    schemes = result["components"].get("securitySchemes", {})
    if not config.domain or BEARER_SCHEME not in schemes:
        return result
    # Swagger UI offers them in this order.
    ordered = {HOSTED_SCHEME: _hosted_scheme(config), BEARER_SCHEME: schemes.pop(BEARER_SCHEME), **schemes}
    result["components"]["securitySchemes"] = ordered
    for operations in result["paths"].values():
        for method in _METHODS:
            security = operations.get(method, {}).get("security", [])
            if {BEARER_SCHEME: []} in security:
                security.insert(security.index({BEARER_SCHEME: []}) + 1, {HOSTED_SCHEME: []})
    return result


def _hosted_scheme(config: CognitoConfig) -> dict[str, Any]:
    return {
        "type": "oauth2",
        "description": "Sign in on Cognito's own pages: authorization code with PKCE.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": f"{config.domain}/oauth2/authorize",
                "tokenUrl": f"{config.domain}/oauth2/token",
                "scopes": HOSTED_SCOPES,
            }
        },
        # Which of the tokens Swagger UI sends; it takes the access token unless told.
        **({"x-tokenName": "id_token"} if config.token_use == "id" else {}),  # noqa: S105 - a kind, not a token
    }


def _problems_of(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    problems = dict(_ALWAYS)
    public = not operation["security"] or {} in operation["security"]
    if not public or path.startswith("/api/v1/accounts/"):
        problems["403"] = "Known, but not allowed."
    if "{" in path:
        problems["404"] = "Not there."
    if "requestBody" in operation:
        problems |= _WITH_BODY
    if path.startswith("/api/v1/books/"):
        if method in ("post", "put", "patch"):
            problems["409"] = "Another book has this ISBN."
        if method in ("put", "patch", "delete"):
            problems |= _CONDITIONAL
    if path.startswith("/api/v1/accounts/"):
        problems["429"] = "Too many attempts: see `Retry-After`."
        if path.startswith("/api/v1/accounts/users/{sub}/") and method != "get":
            problems["409"] = "Your own account."
        if path.startswith("/api/v1/accounts/sign-in/"):
            problems["501"] = "A challenge that is not offered here."
    return problems


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
