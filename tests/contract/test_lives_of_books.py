"""Books in chains of requests: what was added is there, what was deleted is not, whoever tries whatever in between."""

from collections import Counter
from contextlib import suppress
from typing import Any

import hypothesis
import pytest
from hypothesis.errors import FlakyStrategyDefinition

from tests.contract.conftest import MakeCaller
from tests.contract.contract import EXAMPLES, OWN_CHECKS, SEED, api, policy

CHAINS, STEPS = 2 * EXAMPLES, 8


@pytest.mark.parametrize("who", ["user", "admin"])
def test_a_book_lives_from_its_post_to_its_delete(who: str, caller: MakeCaller) -> None:
    someone = caller(who)
    seen: Counter[tuple[str, int]] = Counter()
    chains: Counter[str] = Counter()
    # The links from one operation to the next are worked out by schemathesis, from the names of members and paths.
    machine: Any = api().include(path_regex="^/api/v1/books/").as_state_machine()

    class Lives(machine):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": someone.headers()}

        def after_call(self, response: Any, case: Any) -> None:
            super().after_call(response, case)
            seen[case.operation.label, response.status_code] += 1
            if case.method == "POST" and response.status_code == 201:
                someone.own.add(response.json()["url"].split("/")[-2])

        def validate_response(self, response: Any, case: Any, additional_checks: Any = None, **kwargs: Any) -> None:
            checks = [*OWN_CHECKS, policy(someone)]
            # With the headers, or our own token would be taken for one that schemathesis has made up.
            case.validate_response(response, additional_checks=checks, recorder=self.recorder, **kwargs)

        def teardown(self) -> None:
            super().teardown()
            chains["played"] += 1

    settings = hypothesis.settings(
        max_examples=CHAINS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    for seed in range(SEED, SEED + CHAINS):
        if chains["played"] < CHAINS:
            hypothesis.seed(seed)(Lives)
            # Books of earlier chains are still there, so the same choice may mean another book: Hypothesis gives up a
            # run when it notices. That is nothing about the service, and another run takes its place.
            with suppress(FlakyStrategyDefinition):
                Lives.run(settings=settings)
    assert chains["played"] >= CHAINS
    # Else nothing above was seen: books were added, changed and deleted, and asked for once they were gone.
    happened = {status for _, status in seen}
    assert {200, 201, 204, 404} <= happened, seen
    assert seen["DELETE /api/v1/books/{id}/", 204] > 0, seen
