"""Third-party code that builds, tests and deploys the product is pinned by content: a commit or a digest."""

import re
from pathlib import Path

import pytest
import yaml

from tests.infra.templates import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def actions(path: Path) -> list[str]:
    """The actions of a workflow, each with its version comment."""
    return re.findall(r"^\s*(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)


def images() -> dict[str, str]:
    """Every image that is pulled, by where it is named: base images of the Dockerfile, images of compose.yaml."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    named = re.findall(r"^FROM (\S+)(?: AS (\S+))?", dockerfile, re.MULTILINE)
    stages = {stage for _, stage in named}
    bases = {f"Dockerfile {stage}": image for image, stage in named if image not in stages}
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    pulled = {f"compose.yaml {name}": about["image"] for name, about in services.items() if "build" not in about}
    frontend = dict(re.findall(r"^# (syntax)=(\S+)", dockerfile))
    return {**bases, **pulled, **frontend}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    found = actions(path)
    assert found
    for action in found:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_has_one_version_everywhere() -> None:
    used = {tuple(action.split("@", 1)) for path in WORKFLOWS for action in actions(path)}
    assert len(used) == len({name for name, _ in used})


def test_every_image_is_pinned_to_a_digest_and_says_its_tag() -> None:
    found = images()
    assert found.keys() == {"Dockerfile python", "compose.yaml postgres", "compose.yaml valkey"}
    for where, image in found.items():
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), (where, image)


def test_what_a_workflow_runs_has_no_more_rights_than_it_names() -> None:
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] in ({}, {"contents": "read"}), path.name
        for job in workflow["jobs"].values():
            granted = job.get("permissions", {})
            assert {name for name, level in granted.items() if level == "write"} <= {"id-token"}, path.name
