"""How the production server is set up: connections, file descriptors, and where the metrics are kept."""

import os
import resource
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import granian.wsgi
import pytest
from django.core.management.base import SystemCheckError
from pytest_django.fixtures import Settings

from config import serve
from config.request_limits import MAX_HEAD


@pytest.mark.parametrize(
    "soft, hard, raised_to, connections",
    [
        (1024, 524288, 2304, 2048),
        (65535, 65535, None, 2048),
        (1024, 1024, None, 768),
        (256, 1024, 1024, 768),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None, 2048),
        (1024, resource.RLIM_INFINITY, 2304, 2048),
    ],
)
def test_a_worker_takes_no_more_connections_than_it_may_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised_to: int | None, connections: int
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: told.append(limits))
    assert serve._connections() == connections
    assert told == ([] if raised_to is None else [(raised_to, hard)])


def test_a_server_that_does_not_start_leaves_no_folder_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise SystemCheckError("A setting is dangerous.")

    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setattr(serve, "_metrics_folder", lambda: folder)
    monkeypatch.setattr(serve, "_connections", lambda: 1)
    monkeypatch.setattr(serve, "call_command", refuse)
    monkeypatch.setattr("multiprocessing.set_start_method", lambda _: None)
    monkeypatch.setattr("logging.captureWarnings", lambda _: None)
    with pytest.raises(SystemExit, match="dangerous"):
        serve.main()
    assert not folder.exists()


def test_a_request_carries_no_variable_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "for-the-tests-only")
    got: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], _: Any) -> list[bytes]:
        got.append(environ)
        return []

    handler = granian.wsgi._callback_wrapper(serve._without_environment(application), {})
    handler(SimpleNamespace(response_bytes=lambda *_: None), {"PATH_INFO": "/", "HTTP_HOST": "books.example.com"})
    assert (got[0]["PATH_INFO"], got[0]["HTTP_HOST"]) == ("/", "books.example.com")
    assert not {*os.environ} & {*got[0]}


def test_a_head_that_is_refused_in_words_fits_into_the_buffer_of_the_server() -> None:
    assert MAX_HEAD * 2 <= serve.MAX_BUFFER_BYTES


def test_what_is_counted_lies_in_memory_and_on_no_disk_that_can_be_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path(serve._MEMORY).is_dir():
        pytest.skip("There is no /dev/shm here.")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    settings.METRICS_TOKEN, settings.METRICS_FOLDER = "for-the-tests-of-metrics-only-0123456789", ""
    folder = serve._metrics_folder()
    assert folder is not None
    shutil.rmtree(folder)
    assert folder.parent == Path(serve._MEMORY)
