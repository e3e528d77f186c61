"""What Swagger UI is told of signing in: the hosted pages where there are some, a token that is pasted anywhere."""

import json
from typing import Any

import pytest
from django.test import Client as Browser
from pytest_django.fixtures import Settings

DOMAIN = "https://books.auth.eu-west-1.amazoncognito.com"

pytestmark = pytest.mark.django_db


def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Browser().get("/api/schema/?format=json").content)
    return document


def test_without_hosted_pages_a_token_is_pasted() -> None:
    schemes = schema()["components"]["securitySchemes"]
    assert "cognitoSignIn" not in schemes
    assert schemes["cognitoAccessToken"]["scheme"] == "bearer"


def test_with_hosted_pages_one_may_sign_in_there_as_well(settings: Settings) -> None:
    settings.COGNITO_DOMAIN = f"{DOMAIN}/"
    document = schema()
    scheme = document["components"]["securitySchemes"]["cognitoSignIn"]
    assert scheme["type"] == "oauth2"
    flow = scheme["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == f"{DOMAIN}/oauth2/authorize"
    assert flow["tokenUrl"] == f"{DOMAIN}/oauth2/token"
    assert list(flow["scopes"]) == ["openid", "email", "profile", "aws.cognito.signin.user.admin"]
    assert document["paths"]["/api/v1/books/"]["post"]["security"] == [
        {"cognitoAccessToken": []},
        {"cognitoSignIn": []},
        {"browserSession": []},
    ]
    assert "x-tokenName" not in scheme


def test_where_id_tokens_are_asked_for_the_id_token_is_sent(settings: Settings) -> None:
    settings.COGNITO_DOMAIN = DOMAIN
    settings.COGNITO_TOKEN_USE = "id"
    assert schema()["components"]["securitySchemes"]["cognitoSignIn"]["x-tokenName"] == "id_token"


def test_authorize_is_at_the_public_client_and_with_pkce() -> None:
    script = Browser().get("/api/docs/?script=").content.decode()
    config = json.loads(script.split("ui.initOAuth(")[1].split(");")[0])
    assert config["clientId"] == "spa-client"
    assert config["usePkceWithAuthorizationCodeGrant"] is True
    assert "clientSecret" not in config


def test_the_window_of_authorize_finds_its_way_back_and_its_code_stays_here() -> None:
    docs, back = Browser().get("/api/docs/"), Browser().get("/api/docs/oauth2-redirect.html?code=x&state=y")
    assert docs["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert back["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert back["Referrer-Policy"] == "no-referrer"
    assert "no-store" in back["Cache-Control"]
    assert "oauth2-redirect.js" in back.content.decode()
