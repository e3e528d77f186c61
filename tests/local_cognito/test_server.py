"""One process, or one object in a test: started, found, reset, ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.browser import Browser
from tests.local_cognito.people import ADA, Api, claims_of, refused

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Python with these arguments, ended at the end."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def wait_for(path: Path) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    environment: dict[str, str] = json.loads(path.read_text())
    return environment


def test_a_process_says_where_it_is_what_it_sent_and_ends_when_told(tmp_path: Path) -> None:
    ready = tmp_path / "environment.json"
    with process("-m", "local_cognito", "--port", "0", "--region", "us-west-2", "--ready-file", str(ready)) as running:
        environment = wait_for(ready)
        assert ready.stat().st_mode & 0o077 == 0
        assert environment["COGNITO_USER_POOL_ID"].startswith("us-west-2_")
        url = environment["COGNITO_ENDPOINT_URL"]
        assert Browser().open(f"{url}/_local/environment").json() == environment
        sign_up(url)
        messages = Browser().open(f"{url}/_local/messages").json()
        running.send_signal(signal.SIGTERM)
        output, errors = running.communicate(timeout=60)
    assert running.returncode == 0
    assert errors == ""
    assert not ready.exists()
    lines = output.splitlines()
    assert url in lines[0]
    assert "admin@example.com" in lines[1]
    assert lines[-1] == f"Mail to ada@example.com (sign up): {messages[0]['code']}"


def sign_up(url: str) -> None:
    body = {"ClientId": "spaclient00000000000000000", "Username": ADA, "Password": "Correct-Horse-7"}
    target = "AWSCognitoIdentityProviderService.SignUp"
    assert Browser().open(url + "/", "POST", json.dumps(body), X_Amz_Target=target).status == 200


def test_a_taken_port_is_one_clear_line_and_exit_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process("-m", "local_cognito", "--port", port) as running:
            output, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert output == ""
    assert errors.count("\n") == 1
    assert port in errors


def test_it_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    ready = tmp_path / "environment.json"
    script = (
        "import subprocess, sys, time\n"
        f"command = [sys.executable, '-m', 'local_cognito', '--port', '0', '--ready-file', {str(ready)!r}]\n"
        "print(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with process("-c", script) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        wait_for(ready)
        parent.kill()
    deadline = time.monotonic() + 60
    # It removes the file as it goes.
    while ready.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    stayed = ready.exists()
    if stayed:
        os.kill(child, signal.SIGKILL)
    assert not stayed


def test_it_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        LocalCognito(host="192.0.2.1")


def test_a_taken_port_is_an_os_error(cognito: LocalCognito) -> None:
    port = int(cognito.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        LocalCognito(port).start()


def test_ids_are_the_same_at_every_start_and_keys_and_secrets_are_not(api: Api, cognito: LocalCognito) -> None:
    with LocalCognito() as another:
        here, there = cognito.environment(), another.environment()
        theirs = Api(another).sign_in("admin@example.com", "Passw0rd!")
    for name in ("COGNITO_USER_POOL_ID", "COGNITO_CLIENT_ID", "COGNITO_ALLOWED_CLIENT_IDS", "COGNITO_REGION"):
        assert here[name] == there[name]
    assert here["COGNITO_CLIENT_SECRET"] != there["COGNITO_CLIENT_SECRET"]
    ours = api.sign_in("admin@example.com", "Passw0rd!")
    assert claims_of(ours["AccessToken"])["sub"] == claims_of(theirs["AccessToken"])["sub"]
    with refused("NotAuthorizedException"):
        api.public.get_user(AccessToken=theirs["AccessToken"])


def test_two_in_one_process_do_not_see_each_other(api: Api) -> None:
    with LocalCognito() as another:
        theirs = Api(another)
        theirs.join(ADA)
        with refused("NotAuthorizedException"):
            api.sign_in(ADA)
        another.reset()
        with refused("NotAuthorizedException"):
            theirs.sign_in(ADA)


def test_a_reset_brings_back_the_first_state(api: Api, cognito: LocalCognito) -> None:
    before = cognito.environment()
    api.join(ADA)
    api.admin.admin_delete_user(**api.in_pool("guest@example.com"))
    api.admin.delete_group(UserPoolId=api.pool_id, GroupName="ROLE_USER")
    api.admin.update_user_pool_client(UserPoolId=api.pool_id, ClientId=api.web)
    api.admin.create_user_pool(PoolName="another")
    cognito.clock.advance(1000)
    cognito.reset()
    assert cognito.environment() == before
    assert cognito.messages.all() == []
    assert len(api.admin.list_users(UserPoolId=api.pool_id)["Users"]) == 3
    assert len(api.admin.list_user_pools(MaxResults=60)["UserPools"]) == 1
    for name, role in (("admin", "ROLE_ADMIN"), ("user", "ROLE_USER"), ("guest", "ROLE_GUEST")):
        tokens = api.sign_in(f"{name}@example.com", "Passw0rd!")
        assert claims_of(tokens["AccessToken"])["cognito:groups"] == [role]


def test_a_process_can_be_reset_from_outside(api: Api, cognito: LocalCognito) -> None:
    api.join(ADA)
    # As a web page could send it, without a preflight.
    assert Browser().open(f"{cognito.url}/_local/reset", "POST", "{}", Content_Type="text/plain").status == 405
    assert api.sign_in(ADA)
    assert Browser().open(f"{cognito.url}/_local/reset", "POST", "{}", Content_Type="application/json").status == 200
    with refused("NotAuthorizedException"):
        api.sign_in(ADA)


def test_the_environment_is_complete(cognito: LocalCognito) -> None:
    environment = cognito.environment()
    assert environment["COGNITO_ENDPOINT_URL"] == environment["COGNITO_DOMAIN"] == cognito.url
    assert environment["COGNITO_ISSUER"] == f"{cognito.url}/{cognito.pool_id}"
    assert environment["COGNITO_JWKS_URL"] == f"{environment['COGNITO_ISSUER']}/.well-known/jwks.json"
    machine, secret = cognito.machine_client()
    assert environment["COGNITO_ALLOWED_CLIENT_IDS"].split(",") == [cognito.spa_client(), machine]
    assert secret not in environment.values()
    assert all(environment.values())


def test_messages_are_on_a_page_and_in_a_document_oldest_first(api: Api, cognito: LocalCognito) -> None:
    api.sign_up(ADA)
    api.public.resend_confirmation_code(**api.web_call(ADA))
    page = Browser().open(f"{cognito.url}/_local/messages")
    assert page.headers["Content-Type"] == "application/json"
    assert [m["kind"] for m in page.json()] == ["sign_up", "resend"]
    shown = Browser().open(f"{cognito.url}/_local/")
    assert shown.status == 200
    assert all(message["code"] in shown.text for message in page.json())
    assert "<script" not in shown.text
    assert Browser().open(cognito.url + "/").location == f"{cognito.url}/_local/"
