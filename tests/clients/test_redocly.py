"""Redocly's recommended rules find nothing to say about our OpenAPI document."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.conftest import Client

HERE = Path(__file__).parent
REDOCLY = HERE / "node_modules" / ".bin" / "redocly"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not shutil.which("node") or not REDOCLY.exists(), reason="needs node, and `npm ci --prefix tests/clients`"
    ),
]


def lint(document: bytes, folder: Path) -> list[dict[str, Any]]:
    """What Redocly says about a document. It asks nobody for a newer version, and tells nobody that it ran."""
    file = folder / "openapi.json"
    file.write_bytes(document)
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    ran = subprocess.run(
        [REDOCLY, "lint", "--config", HERE / "redocly.yaml", "--format", "json", file],
        cwd=HERE,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=120,
    )
    said: list[dict[str, Any]] = json.loads(ran.stdout[ran.stdout.index("{") :])["problems"]
    return said


@pytest.mark.parametrize("domain", ["", "https://books.auth.eu-west-1.amazoncognito.com"])
@pytest.mark.parametrize("public", [True, False])
def test_the_recommended_rules_find_no_fault(
    visitor: Client, settings: Settings, tmp_path: Path, domain: str, public: bool
) -> None:
    settings.COGNITO_DOMAIN = domain
    settings.BOOKS_PUBLIC_READ = public
    said = lint(visitor.get("/api/schema/?format=json").content, tmp_path)
    assert [(each["ruleId"], each["message"]) for each in said] == []


def test_a_document_without_a_server_would_be_found(visitor: Client, tmp_path: Path) -> None:
    document = visitor.get("/api/schema/?format=json").json()
    del document["servers"]
    assert [each["ruleId"] for each in lint(json.dumps(document).encode(), tmp_path)] == ["no-empty-servers"]
