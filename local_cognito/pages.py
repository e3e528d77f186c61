"""Rendering of HTML pages: one template folder, one stylesheet, no script and no external resource."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from werkzeug.wrappers import Response

_FOLDER = Path(__file__).resolve().parent / "templates"
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
)


def render(name: str, status: int = 200, form_target: str = "", **values: Any) -> Response:
    """A page. ``form_target`` is where a form's answer may redirect to, besides ourselves (for the CSP)."""
    response = Response(_TEMPLATES.get_template(name).render(values), status, content_type="text/html; charset=utf-8")
    # Browsers hold form-action against redirects too, so the callback's origin must be named.
    target = urlsplit(form_target)
    allowed = f" {target.scheme}://{target.netloc}" if target.netloc else f" {target.scheme}:" if target.scheme else ""
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self'; form-action 'self'{allowed}; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def stylesheet() -> Response:
    """The one stylesheet."""
    return Response((_FOLDER / "style.css").read_bytes(), content_type="text/css; charset=utf-8")
