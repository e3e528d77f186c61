"""`make benchmark` measures the real server. Here it is only seen to run through: no figure is looked at."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load import Answer, expect
from tests.service import ROOT


def test_every_table_is_made_and_nothing_is_left_behind(tmp_path: Path) -> None:
    report, scratch = tmp_path / "figures.md", tmp_path / "scratch"
    scratch.mkdir()
    few = ["--rows", "250", "--rounds", "1", "--per-round", "16", "--requests", "40"]
    command = [sys.executable, "-m", "benchmarks", *few, "--markdown", str(report)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    titles = [line for line in report.read_text().splitlines() if line.startswith("### ")]
    assert [title.split()[1] for title in titles] == ["Memory", "Verifying", "A", "Where", "Importing"]
    assert "create" in report.read_text()
    assert list(scratch.iterdir()) == []


def test_a_catalogue_that_is_too_small_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--rows", "1"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--rows must be 200 at least" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_was_not_expected_is_no_figure() -> None:
    refusal = Answer(429, b"HTTP/1.1 429 Too Many Requests", b"{}", 0.001)
    with pytest.raises(RuntimeError, match="429"):
        expect(refusal, [200])
    assert expect(refusal, [429]) is refusal
