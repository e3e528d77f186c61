"""What does OpenAPI say of this API? Security and rights from the policy tables, and every error answer."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.authentication import StrangerAuthentication
from accounts.conf import CognitoConfig, get_config
from accounts.permissions import Rule
from accounts.roles import Role

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

    target_class = "accounts.authentication.BearerAuthentication"
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

    target_class = "accounts.authentication.SessionAuthentication"
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
        """The view's own, else the words of the operation's name."""
        return super().get_summary() or str(self.get_operation_id()).replace("_", " ").capitalize()

    def get_auth(self) -> list[dict[str, Any]]:
        """The security requirements; an empty one as well where credentials are not needed, none for strangers."""
        if StrangerAuthentication in self.view.authentication_classes:
            return []
        required = [requirement for requirement in super().get_auth() if requirement]
        rule = self._rule()
        return [*required, {}] if rule and rule.public else required

    def get_tags(self) -> list[str]:
        """The first part of the path below /api/v1/."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

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


PROBLEM_SCHEMA = {
    "type": "object",
    "description": "An RFC 9457 problem. `code` is stable; `errors` is there for bad input.",
    "required": ["type", "title", "status", "detail", "code", "instance", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "code": {"type": "string"},
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
    "500": "A fault on our side.",
    "503": "Something we depend on does not answer: see `Retry-After`.",
}
_WITH_BODY = {"413": "A body over 1 MiB.", "415": "A body that is not JSON."}
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
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
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
    public = {} in operation.get("security", [{}])
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
