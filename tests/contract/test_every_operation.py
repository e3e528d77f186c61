"""Whatever is sent to any operation, by anybody: the answer is one that the OpenAPI document declares."""

from typing import Any

import pytest

from tests.contract.conftest import MakeCaller
from tests.contract.contract import OWN_CHECKS, WHO, api, policy

schema = api()


@pytest.mark.parametrize("who", WHO)
@schema.parametrize()
def test_every_answer_is_as_declared(case: Any, who: str, someone: Any) -> None:
    someone.aim(case)
    case.call_and_validate(headers=someone.headers(), additional_checks=[*OWN_CHECKS, policy(someone)])


@pytest.fixture
def someone(who: str, caller: MakeCaller) -> Any:
    return caller(who)
