"""Script run inside a foreign project: signs Ada and Uma in there and prints the answers as JSON."""

import json
import sys
from typing import Any

import django
from django.test import Client

ADDRESS = {"ada": "admin@example.com", "uma": "user@example.com"}
PASSWORD = sys.argv[1]


def _browser(person: str, password: str = PASSWORD) -> tuple[Client, Any]:
    """A browser with the CSRF checks of a real one, after the form of the sign-in page."""
    browser = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1")
    browser.get("/accounts/sign-in/")
    form = {"email": ADDRESS[person], "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    return browser, browser.post("/accounts/sign-in/?next=/accounts/profile/", form)


def _of_api() -> dict[str, Any]:
    client = Client(SERVER_NAME="127.0.0.1")
    credentials = {"email": ADDRESS["uma"], "password": PASSWORD}
    signed_in = client.post("/api/accounts/sign-in/", credentials, content_type="application/json")
    wrong = client.post(
        "/api/accounts/sign-in/", credentials | {"password": "Wr0ng!!!"}, content_type="application/json"
    )
    bearer = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    orders = client.get("/orders/", headers=bearer)
    me = client.get("/api/accounts/me/", headers=bearer)
    refresh = {"refresh_token": signed_in.json()["refresh_token"]}
    signed_out = client.post("/api/accounts/sign-out/", refresh, content_type="application/json", headers=bearer)
    after = client.get("/orders/", headers=bearer)
    return {
        "sign_in": signed_in.status_code,
        "wrong": [wrong.status_code, wrong.json()["code"]],
        "orders": orders.json(),
        "me": me.json(),
        "sign_out": signed_out.status_code,
        "after": [after.status_code, after.json()["code"]],
    }


def _of_pages() -> dict[str, Any]:
    page = Client(SERVER_NAME="127.0.0.1").get("/accounts/sign-in/")
    _, wrong = _browser("uma", "Wr0ng!!!")
    uma, signed_in = _browser("uma")
    ada, _ = _browser("ada")
    return {
        "page": page.content.decode(),
        "templates": [template.name for template in page.templates],
        "wrong": wrong.content.decode(),
        "sign_in": [signed_in.status_code, signed_in.headers.get("Location")],
        "profile": uma.get("/accounts/profile/").content.decode(),
        "admin_of_uma": uma.get("/admin/", follow=True).status_code,
        "admin_of_ada": ada.get("/admin/").status_code,
        "people": ada.get("/admin/accounts/user/").content.decode(),
    }


if __name__ == "__main__":
    django.setup()
    json.dump({"api": _of_api(), "pages": _of_pages()}, sys.stdout)
