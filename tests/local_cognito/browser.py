"""A small browser: it keeps cookies, follows nothing by itself, and reads forms as a person would fill them in."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import urllib3

from local_cognito.server import LocalCognito


@dataclass
class Page:
    """An answer: status, headers and text."""

    url: str
    status: int
    headers: urllib3.HTTPHeaderDict
    text: str

    @property
    def location(self) -> str:
        return urljoin(self.url, self.headers["Location"])

    @property
    def query(self) -> dict[str, str]:
        """The query of the address it redirects to."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}

    def json(self) -> Any:
        return json.loads(self.text)


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.labels: set[str] = set()
        self.visible: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values["action"]
        elif tag == "input":
            self.fields[values["name"]] = values.get("value", "")
            if values.get("type") != "hidden":
                self.visible.add(values["id"])
        elif tag == "label":
            self.labels.add(values["for"])


@dataclass
class Browser:
    """One person's browser."""

    cookies: dict[str, str] = field(default_factory=dict)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60))

    def open(self, url: str, method: str = "GET", body: str | None = None, **headers: str) -> Page:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.http.request(method, url, body=body, headers=sent, redirect=False)
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, rest = cookie.partition("=")
            value = rest.split(";")[0]
            self.cookies[name] = value
            if not value or "Max-Age=0" in cookie:
                del self.cookies[name]
        return Page(url, answer.status, answer.headers, answer.data.decode())

    def post_form(self, url: str, fields: dict[str, str], **headers: str) -> Page:
        headers = {"Content_Type": "application/x-www-form-urlencoded", **headers}
        return self.open(url, "POST", urlencode(fields), **headers)

    def fill_in(self, page: Page, **answers: str) -> Page:
        """Fill in the form on a page and send it."""
        form = form_of(page)
        return self.post_form(urljoin(page.url, form.action), {**form.fields, **answers})


def form_of(page: Page) -> _Form:
    """The form on a page; every field a person sees has its label."""
    form = _Form()
    form.feed(page.text)
    assert form.visible <= form.labels
    return form


@dataclass
class App:
    """A client of the pool, with PKCE (RFC 7636), as a good library does it."""

    cognito: LocalCognito
    client_id: str
    redirect_uri: str
    secret: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorize_url(self, **changes: str | None) -> str:
        """An authorization request; ``changes`` replace or, when None, remove parameters."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email profile aws.cognito.signin.user.admin",
            "state": "the state",
            "nonce": "the nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        return f"{self.cognito.url}/oauth2/authorize?{urlencode(given)}"

    def exchange(self, browser: Browser, code: str, /, **changes: str) -> Page:
        """The code for tokens."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
        if self.secret:
            fields["client_secret"] = self.secret
        return browser.post_form(f"{self.cognito.url}/oauth2/token", {**fields, **changes})


def basic(name: str, secret: str) -> str:
    """An Authorization header of the Basic scheme."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
