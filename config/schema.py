"""Generation of the OpenAPI document: security from the policy tables, strict schemas, headers and error responses."""

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.fields import empty

from accounts.api.members import KnownMembers
from accounts.tokens.authentication import AnonymousAuthentication
from accounts.tokens.conf import CognitoConfig, get_config
from accounts.tokens.permissions import Rule
from accounts.tokens.roles import Role
from config import codes
from config.api import TooLarge, in_units
from config.request_limits import MAX_HEAD

BEARER_SCHEME = "cognitoAccessToken"
HOSTED_SCHEME = "cognitoSignIn"
# Scopes that the app clients for people may request (infra/cognito.yaml).
HOSTED_SCOPES = {
    "openid": "The subject of the user",
    "email": "The e-mail address",
    "profile": "The name",
    "aws.cognito.signin.user.admin": "Read and change one's own account",
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer` with a Cognito access token."""

    target_class = "accounts.tokens.authentication.BearerAuthentication"
    match_subclasses = True
    name = BEARER_SCHEME

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The security scheme object."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token of the user pool. `POST /api/v1/accounts/sign-in/` issues one.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session cookie of a browser."""

    target_class = "accounts.browser.authentication.SessionAuthentication"
    name = "browserSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The security scheme object."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class ProductSchema(AutoSchema):
    """Schema of a view. Its policy table gives the security and the last line of the description of an operation."""

    def get_description(self) -> str:  # type: ignore[override]  # as spectacular's own does
        """The description of the view, followed by the roles that may call the operation."""
        description = super().get_description() or ""
        rule = self._rule()
        return f"{description}\n\n**Permitted for:** {who_may(rule)}." if rule else description

    def get_summary(self) -> str:
        """The operation's own, else the first line of the view's docstring."""
        return super().get_summary() or (type(self.view).__doc__ or "").strip().split("\n")[0].rstrip(".")

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation object, always with `security`: client generators treat its absence as unknown."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["security"] = [*operation.get("security", [])]  # a copy: hooks append to it
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        """The security requirements; with an empty one where credentials are optional, none for anonymous views."""
        if AnonymousAuthentication in self.view.authentication_classes:
            return []
        required = [requirement for requirement in super().get_auth() if requirement]
        rule, view = self._rule(), cast("Any", self.view)
        return [*required, {}] if rule and rule.public and view.public_read() else required

    def get_tags(self) -> list[str]:
        """The first part of the path below /api/v1/."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def _resolve_path_parameters(self, variables: Any) -> list[dict[str, Any]]:
        """The path parameters; the `lookup_schema` of a view is the schema of its own."""
        parameters: list[dict[str, Any]]
        parameters = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        if accepted := getattr(self.view, "lookup_schema", None):
            for parameter in parameters:
                parameter["schema"] = dict(accepted)
        return parameters

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        """The schema of a JSON object.

        In a request: no `default`, because generated clients would send it for members that a PATCH omits, and no
        unknown members. In a response: every member that is always present is required.
        """
        schema: dict[str, Any]
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        members = schema["properties"] = schema.get("properties", {})
        for name, member in members.items():
            field = serializer.fields[name]
            member.pop("default", None)
            if direction == "request":
                member.pop("writeOnly", None)  # redundant: requests have their own schemas
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
    """A rule as text for a description, the least role first."""
    if rule.public:
        return "everybody (any of the three roles when `BOOKS_PUBLIC_READ` is off)"
    words = [f"`{role}`" for role in reversed(Role) if role in rule.roles]
    words += [f"`{role}` for their own" for role in reversed(Role) if role in rule.owners]
    return ", ".join(sorted(words, key=lambda word: "own" not in word))


def _is_always_there(field: Any) -> bool:
    return bool(field.required or field.read_only or field.default is not empty)


def _tighten(schema: dict[str, Any], field: Any) -> None:
    """Add the constraints of a field (`accepts`), and `minItems`, which spectacular omits."""
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
"""Examples of request members, by name. Together they form valid request bodies."""


def problem_schemas() -> dict[str, Any]:
    """The schemas of a problem and of its codes."""
    return {
        "Problem": PROBLEM_SCHEMA,
        "ProblemCode": {"type": "string", "enum": codes.problem_codes(), "description": "Code of the problem."},
        "ErrorCode": {"type": "string", "enum": codes.error_codes(), "description": "Code of the error in one value."},
    }


PROBLEM_SCHEMA = {
    "type": "object",
    "description": "An RFC 9457 problem. `code` is stable; `errors` is present for invalid input.",
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
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the body."},
                    "parameter": {"type": "string", "description": "Name of the invalid query parameter."},
                },
            },
        },
    },
}

_ALWAYS = {
    "400": "Invalid input.",
    "401": "Missing credentials where they are required, or invalid ones (on any path).",
    "406": "No representation matches the Accept header.",
    "431": f"The head of the request is larger than {in_units(MAX_HEAD)}.",
    "500": "Internal error of the service.",
    "503": "A dependency does not answer: see `Retry-After`.",
}
_WITH_BODY = {
    "408": "The body did not arrive in time.",
    "411": "The length of the body is unknown.",
    "413": TooLarge.default_detail,
    "415": "The body is not JSON.",
}
_CONDITIONAL = {"412": "`If-Match` does not match the current ETag; nothing was changed."}
_METHODS = ("get", "post", "put", "patch", "delete")

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {"description": "The id of the request, which is also in the log.", "required": True},
    "WWW-Authenticate": {"description": "`Bearer`, and the error of a refused token (RFC 6750).", "required": True},
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 0}},
    "ETag": {"description": "Entity tag of the response, for `If-None-Match` and `If-Match`.", "required": True},
    "Location": {"description": "URL of the new resource.", "required": True},
}
_HEADERS_OF_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
_TAGS = {"type": "string"}
_IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "schema": _TAGS, "description": "ETags of cached versions."}
_IF_MATCH = {"name": "If-Match", "in": "header", "schema": _TAGS, "description": "ETag of the version to change."}


def declare_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: declare the error responses of every operation, with the Problem schema."""
    result["components"].setdefault("schemas", {}).update(problem_schemas())
    for path, operations in result["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                for status, description in _problems_of(path, method, operation).items():
                    operation["responses"].setdefault(status, _problem(description))
    return result


def declare_headers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: declare response headers, and the headers of conditional requests."""
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
            parameter["allowEmptyValue"] = True  # forms send empty fields; an empty value counts as absent
    responses = operation["responses"]
    tagged = [status for status in responses if status in ("200", "201")]
    if method == "get":
        parameters.append(_IF_NONE_MATCH)
        responses["304"] = {"description": "The cached version is current."}
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
    """Postprocessing hook: declare the OAuth flow of the hosted sign-in where COGNITO_DOMAIN is set."""
    config = get_config()
    schemes = result["components"].get("securitySchemes", {})
    if not config.domain or BEARER_SCHEME not in schemes:
        return result
    # Swagger UI shows them in this order.
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
        "description": "Cognito's hosted sign-in: authorization code flow with PKCE.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": f"{config.domain}/oauth2/authorize",
                "tokenUrl": f"{config.domain}/oauth2/token",
                "scopes": HOSTED_SCOPES,
            }
        },
        # The token that Swagger UI sends; the default is the access token.
        **({"x-tokenName": "id_token"} if config.token_use == "id" else {}),  # noqa: S105 - a kind, not a token
    }


def _problems_of(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    problems = dict(_ALWAYS)
    public = not operation["security"] or {} in operation["security"]
    if not public or path.startswith("/api/v1/accounts/"):
        problems["403"] = "The caller is authenticated, but not permitted."
    if "{" in path:
        problems["404"] = "The resource does not exist."
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
            problems["409"] = "The account is the caller's own."
        if path.startswith("/api/v1/accounts/sign-in/"):
            problems["501"] = "The challenge is not supported by this service."
    return problems


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}
