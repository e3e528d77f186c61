"""The lines of docs/accounts.md, pasted into a shell while the service runs: each answers as the page says."""

import os
import re
import shutil
import subprocess

import pytest
from pytest_django.live_server_helper import LiveServer

from local_cognito.server import LocalCognito
from tests.documents import blocks_run_by

SCRIPT = "\n".join(blocks_run_by("tests/accounts/test_walk.py::test_every_line_of_the_walk_answers_as_the_page_says"))

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl"),
]


def test_every_line_of_the_walk_answers_as_the_page_says(live_server: LiveServer, cognito: LocalCognito) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "API": f"{live_server.url}/api/v1/accounts",
        "LOCAL": cognito.url,
    }
    walk = subprocess.run(
        ["bash", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    promised = re.findall(r"    # (\d{3})$", SCRIPT, re.MULTILINE)
    assert len(promised) > 35
    assert re.findall(r"^(\d{3})$", walk.stdout, re.MULTILINE) == promised, walk.stdout + walk.stderr


def test_the_walk_passes_every_path_there_is() -> None:
    from accounts.api.urls import urlpatterns

    for pattern in urlpatterns:
        path = str(pattern.pattern).replace("<str:sub>", "$IDA")
        assert f"/{path}" in SCRIPT or path == "me/delete/", path
