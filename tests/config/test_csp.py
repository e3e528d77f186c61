"""The Content-Security-Policy: what pages may do is said by header, and nothing else may do anything."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from pytest_django.fixtures import Settings

from accounts.tokens.testing import Pool
from config import csp, environment
from config.csp import NOT_A_PAGE, ContentSecurityPolicyMiddleware

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "https://books.auth.eu-west-1.amazoncognito.com"
PAGES = ["/", "/api/v1/", "/api/v1/books/", "/api/docs/", "/api/redoc/", "/api/docs/oauth2-redirect.html?code=x"]
NO_PAGES = ["/api/v1/books/", "/api/v1/nowhere/", "/api/schema/", "/api/docs/?script="]

pytestmark = pytest.mark.django_db


def policy_of(path: str, accept: str = "text/html") -> dict[str, list[str]]:
    header = Browser().get(path, headers={"Accept": accept})["Content-Security-Policy"]
    return {name: sources.split() for name, _, sources in (part.partition(" ") for part in header.split("; "))}


@pytest.mark.parametrize("path", [*PAGES, "/nowhere/", "/accounts/sign-in/"])
def test_a_page_runs_and_loads_only_what_is_ours(path: str) -> None:
    policy = policy_of(path)
    assert policy["default-src"] == ["'self'"]
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"][0] == "'self'"
    assert "script-src" not in policy  # so default-src holds for scripts
    every = {source for sources in policy.values() for source in sources}
    assert every.isdisjoint({"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"})


@pytest.mark.parametrize("path", NO_PAGES)
def test_what_is_no_page_may_do_nothing(path: str, pool: Pool) -> None:
    assert policy_of(path, "application/json, */*;q=0.5") == {"default-src": ["'none'"], "frame-ancestors": ["'none'"]}


def test_only_redoc_may_have_styles_of_its_own_and_by_their_hashes() -> None:
    assert [path for path in PAGES if "style-src" in policy_of(path)] == ["/api/redoc/"]
    inline = policy_of("/api/redoc/")["style-src"][1:]
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", source) for source in inline)


def test_a_header_of_the_view_stays() -> None:
    def view(_: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})

    response = ContentSecurityPolicyMiddleware(view)(HttpRequest())
    assert response["Content-Security-Policy"] == "default-src 'self'"


def test_not_modified_says_nothing_so_that_the_page_in_the_browsers_cache_keeps_its_policy() -> None:
    response = ContentSecurityPolicyMiddleware(lambda _: HttpResponse(status=304))(HttpRequest())
    assert "Content-Security-Policy" not in response


def test_a_page_of_an_error_for_developers_is_left_alone(settings: Settings) -> None:
    settings.DEBUG = True
    pages = ContentSecurityPolicyMiddleware(lambda _: HttpResponse(status=404))
    assert "Content-Security-Policy" not in pages(HttpRequest())
    settings.DEBUG = False
    assert "Content-Security-Policy" in pages(HttpRequest())


@pytest.mark.parametrize(
    "url, origin",
    [
        (DOMAIN, DOMAIN),
        (f"{DOMAIN}/", DOMAIN),
        ("http://127.0.0.1:9229/somewhere", "http://127.0.0.1:9229"),
        ("", ""),
        ("books.auth.eu-west-1.amazoncognito.com", ""),
        ("https://a.example; script-src *", ""),
        ("https://a.example b.example", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_an_origin_is_scheme_host_and_port_or_nothing(url: str, origin: str) -> None:
    assert environment.origin(url) == origin


def test_forms_and_scripts_reach_cognito_where_they_must() -> None:
    # Without COGNITO_DOMAIN, as here, they reach nobody else; with it, forms of every page and scripts of Swagger UI.
    assert django_settings.COGNITO_ORIGINS == []
    assert policy_of("/")["form-action"] == ["'self'"]
    assert policy_of("/api/docs/")["connect-src"] == ["'self'"]


def test_the_policy_is_written_as_the_header_has_it() -> None:
    assert csp.header_value({"default-src": ["'self'"], "img-src": ["'self'", "data:"]}) == (
        "default-src 'self'; img-src 'self' data:"
    )
    assert csp.header_value({"default-src": ["'none'"], "frame-ancestors": ["'none'"]}) == NOT_A_PAGE


def test_no_template_of_ours_has_anything_inline() -> None:
    templates = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "accounts" / "templates").rglob("*.html")]
    assert {template.name for template in templates} >= {"home.html", "sign_in.html"}
    for template in templates:
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), template
        scripts = [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag]
        assert all("application/json" in tag for tag in scripts), template
