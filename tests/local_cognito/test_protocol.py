"""Whatever arrives, the answer is one the AWS protocol knows."""

import json
import socket
from typing import Any

import pytest
from botocore.model import OperationModel, Shape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_cognito import shapes
from local_cognito.operations import MOTOS, OURS
from local_cognito.server import LocalCognito
from tests.local_cognito.browser import Browser, Page
from tests.local_cognito.people import ADA, PASSWORD, Api

TARGET = "AWSCognitoIdentityProviderService."
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0"
)
PUBLIC = sorted(n for n in OURS if shapes.is_public(shapes.service().operation_model(n)))
ALL = sorted({*OURS, *MOTOS})


def call(cognito: LocalCognito, operation: str, body: str, **headers: str) -> Page:
    headers = {"X_Amz_Target": TARGET + operation, "Content_Type": "application/x-amz-json-1.1", **headers}
    return Browser().open(cognito.url + "/", "POST", body, **headers)


def code_of(page: Page) -> str:
    """The error code of a proper refusal."""
    assert page.status == 400, page.text
    assert page.headers["Content-Type"] == "application/x-amz-json-1.1"
    code: str = page.json()["__type"]
    assert page.headers["x-amzn-ErrorType"] == f"{code}:"
    return code


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "1", '"x"', "[" * 5000, "\x00", '{"Username": "\\ud800"}', "{}x"]
)
def test_what_is_no_json_object_is_a_serialization_or_parameter_error(cognito: LocalCognito, body: str) -> None:
    assert code_of(call(cognito, "SignUp", body)) in ("SerializationException", "InvalidParameterException")


@pytest.mark.parametrize("target", ["", "SignUp", "Other.SignUp", TARGET, TARGET + "NoSuch", TARGET + "signup"])
def test_an_unknown_operation_says_so(cognito: LocalCognito, target: str) -> None:
    page = Browser().open(cognito.url + "/", "POST", "{}", X_Amz_Target=target)
    assert code_of(page) == "UnknownOperationException"


def nasty_values(shape: Shape) -> list[Any]:
    strings: list[Any] = ["", "x", "x" * 5000, "\x00", "a b", "💥", "\u2028", "../../etc", "{####}", "' OR 1=1 --"]
    wrong_types: list[Any] = [None, 0, -1, 10**30, 1.5, True, [], {}, [[]], {"a": {"b": []}}]
    if shape.type_name == "map":
        return [
            *wrong_types,
            {"USERNAME": ADA, "PASSWORD": "x", "SRP_A": "zz", "REFRESH_TOKEN": "x"},
            {"": ""},
            {"a": 1},
        ]
    if shape.type_name == "list":
        return [*wrong_types, [{}], [{"Name": "email"}], [{"Name": "", "Value": ""}], ["x"] * 500]
    return strings + wrong_types


def plausible(shape: Shape, name: str, api: Api) -> Any:
    """A value that gets past the service model."""
    known = {"ClientId": api.spa, "UserPoolId": api.pool_id, "Username": ADA, "Password": PASSWORD}
    if name in known:
        return known[name]
    if shape.type_name == "string":
        enum: list[str] = getattr(shape, "enum", [])
        return enum[0] if enum else "1" * max(6, shape.metadata.get("min", 1))
    if isinstance(shape, StructureShape):
        return {n: plausible(shape.members[n], n, api) for n in shape.required_members}
    return {"integer": 1, "long": 1, "boolean": True, "list": [], "map": {}, "timestamp": 0}.get(shape.type_name)


def requests_for(model: OperationModel, api: Api) -> list[dict[str, Any]]:
    members = model.input_shape.members
    base = {name: plausible(shape, name, api) for name, shape in members.items()}
    spoilt = [{**base, name: value} for name, shape in members.items() for value in nasty_values(shape)]
    return [{}, base, *spoilt]


@pytest.mark.parametrize("operation", ALL)
def test_no_request_is_answered_with_a_500(api: Api, operation: str) -> None:
    model = shapes.service().operation_model(operation)
    # moto is only trusted with what the model lets through; a pool made by one request must not stay.
    for request in requests_for(model, api):
        page = call(api.cognito, operation, json.dumps(request), Authorization=SIGNATURE)
        assert page.status in (200, 400), (request, page.text)
        page.json()
        if operation.startswith(("Delete", "Update", "Create", "SetUserPool")):
            api.cognito.reset()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.sampled_from(PUBLIC),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(st.sampled_from(["ClientId", "Username", "AuthFlow", "AuthParameters", "x"]), children)
        ),
        max_leaves=8,
    ),
)
def test_any_json_is_answered_with_a_code(api: Api, operation: str, body: Any) -> None:
    page = call(api.cognito, operation, json.dumps(body))
    assert page.status in (200, 400)
    page.json()


@pytest.mark.parametrize(
    "method,path",
    [
        ("GET", "/nothing"),
        ("POST", "/oauth2/nothing"),
        ("PUT", "/"),
        ("DELETE", "/login"),
        ("GET", "/moto-api/data.json"),
        ("POST", "/moto-api/reset"),
        ("GET", "/_local/nothing"),
        ("POST", "/_local/messages"),
        ("GET", "/%00"),
        ("GET", "/oauth2/userInfo"),
        ("GET", "/..%2f..%2fetc%2fpasswd/.well-known/jwks.json"),
        ("TRACE", "/"),
    ],
)
def test_other_paths_and_methods_are_refused_as_json(cognito: LocalCognito, method: str, path: str) -> None:
    page = Browser().open(cognito.url + path, method)
    assert page.status in (302, 401, 404, 405)
    if page.status != 302:
        assert page.headers["Content-Type"] == "application/json"
        page.json()


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"x" * 70000]
)
def test_what_is_not_even_http_is_refused_as_json(cognito: LocalCognito, sent: bytes) -> None:
    port = int(cognito.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"<html" not in received.lower()
    assert b" 500 " not in received.partition(b"\r\n")[0]


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999"])
def test_a_strange_content_length_is_refused(cognito: LocalCognito, length: str) -> None:
    page = Browser().open(cognito.url + "/", "POST", Content_Length=length)
    assert page.status in (400, 413)
    page.json()


def test_a_body_too_long_is_refused(cognito: LocalCognito) -> None:
    assert call(cognito, "SignUp", "x" * (2 * 1024 * 1024)).status == 413


@pytest.mark.parametrize("query", ["%ff%fe", "client_id=%00", "client_id[]=1", "a" * 5000, "&&&==&"])
@pytest.mark.parametrize("path", ["/oauth2/authorize", "/login", "/logout"])
def test_pages_take_any_query(cognito: LocalCognito, path: str, query: str) -> None:
    assert Browser().open(f"{cognito.url}{path}?{query}").status == 400


def test_a_mistake_of_ours_is_an_internal_error_in_json(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("broken on purpose")

    monkeypatch.setitem(OURS, "SignUp", broken)
    request = {"ClientId": cognito.spa_client(), "Username": ADA, "Password": PASSWORD}
    page = call(cognito, "SignUp", json.dumps(request))
    assert page.status == 500
    assert page.json()["__type"] == "InternalErrorException"
    assert "broken" not in page.text


class TestOtherOrigins:
    origin = "http://localhost:5173"

    def test_a_browser_app_may_call_the_api_and_the_token_endpoint(self, cognito: LocalCognito) -> None:
        asked = "content-type,x-amz-target,x-amz-user-agent,amz-sdk-invocation-id"
        for path in ("/", "/oauth2/token", "/oauth2/userInfo", f"/{cognito.pool_id}/.well-known/jwks.json"):
            page = Browser().open(
                cognito.url + path,
                "OPTIONS",
                Origin=self.origin,
                Access_Control_Request_Method="POST",
                Access_Control_Request_Headers=asked,
            )
            assert page.status == 204
            assert page.headers["Access-Control-Allow-Origin"] == "*"
            assert page.headers["Access-Control-Allow-Headers"] == asked
            assert "POST" in page.headers["Access-Control-Allow-Methods"]

    def test_it_may_read_the_answers_and_the_error_codes(self, cognito: LocalCognito) -> None:
        pages = [
            call(cognito, "InitiateAuth", "{}", Origin=self.origin),
            Browser().post_form(f"{cognito.url}/oauth2/token", {}, Origin=self.origin),
            Browser().open(f"{cognito.url}/{cognito.pool_id}/.well-known/openid-configuration", Origin=self.origin),
        ]
        for page in pages:
            assert page.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in page.headers

    @pytest.mark.parametrize("path", ["/_local/", "/_local/messages", "/_local/environment", "/login", "/moto-api/"])
    def test_no_web_page_reads_what_is_local(self, cognito: LocalCognito, path: str) -> None:
        for method in ("GET", "OPTIONS"):
            page = Browser().open(cognito.url + path, method, Origin=self.origin)
            assert not [name for name in page.headers if name.lower().startswith("access-control")]

    def test_no_web_page_administers(self, cognito: LocalCognito) -> None:
        page = call(cognito, "ListUsers", json.dumps({"UserPoolId": cognito.pool_id}), Authorization=SIGNATURE)
        assert page.status == 200
        assert "Access-Control-Allow-Origin" not in page.headers
        allowed = Browser().open(
            cognito.url + "/", "OPTIONS", Access_Control_Request_Headers="authorization,x-amz-target"
        )
        assert allowed.headers["Access-Control-Allow-Headers"] == "x-amz-target"

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:9229", "127.0.0.1.evil.example", ""])
    def test_a_foreign_name_for_this_machine_does_not_open_the_local_pages(
        self, cognito: LocalCognito, host: str
    ) -> None:
        page = Browser().open(f"{cognito.url}/_local/messages", Host=host)
        assert page.status == 403
