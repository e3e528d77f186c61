"""One local Cognito for all of these tests, in its first state at the start of each."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.model import Shape, StructureShape

from local_cognito import shapes
from local_cognito.cognito import Cognito
from local_cognito.operations import OURS, Operation
from local_cognito.server import LocalCognito
from tests.local_cognito.people import Api

TYPES = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": datetime}


@pytest.fixture(scope="session")
def running() -> Iterator[LocalCognito]:
    with LocalCognito() as cognito:
        yield cognito


@pytest.fixture(scope="session")
def session_api(running: LocalCognito) -> Api:
    return Api(running)


@pytest.fixture
def cognito(running: LocalCognito) -> LocalCognito:
    """The running stand-in, with its demo users and nothing else."""
    running.reset()
    return running


@pytest.fixture
def api(cognito: LocalCognito, session_api: Api) -> Api:
    """boto3 clients for it, and the usual errands."""
    return session_api


@pytest.fixture(autouse=True)
def _answers_are_those_of_the_service_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever these tests ask for, every answer of ours has the shape that AWS's model states."""
    for name, operation in list(OURS.items()):
        monkeypatch.setitem(OURS, name, _checked(name, operation))


def _checked(name: str, operation: Operation) -> Operation:
    output = shapes.service().operation_model(name).output_shape

    def run(cognito: Cognito, request: dict[str, Any]) -> dict[str, Any]:
        answer = operation(cognito, request)
        if output is None:
            assert answer == {}
        else:
            _assert_modelled(output, answer, name)
        return answer

    return run


def _assert_modelled(shape: Shape, value: Any, where: str) -> None:
    if isinstance(shape, StructureShape):
        assert set(shape.required_members) <= value.keys() <= shape.members.keys(), where
        for name, item in value.items():
            _assert_modelled(shape.members[name], item, f"{where}.{name}")
    elif shape.type_name == "map":
        assert all(isinstance(item, str) for item in (*value, *value.values())), where
    elif shape.type_name == "list":
        assert isinstance(value, list), where
        for item in value:
            _assert_modelled(shape.member, item, where)
    else:
        assert isinstance(value, TYPES[shape.type_name]), where
