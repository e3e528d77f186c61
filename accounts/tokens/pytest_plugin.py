"""pytest plugin: fixtures with good and bad tokens of a made-up user pool that the project's verifier accepts.

Registered by the wheel as an entry point of `pytest11`. Needs the COGNITO_* settings of the project, no network.
"""

from collections.abc import Iterator, Mapping

import pytest

from accounts.tokens import testing


@pytest.fixture
def cognito_pool() -> Iterator[testing.Pool]:
    """A pool with the issuer and the app client of the settings; its tokens are good for the length of a test."""
    from accounts.tokens.conf import get_config

    config = get_config()
    with testing.accepted(testing.Pool(config.issuers[0], config.client_id)) as pool:
        yield pool


@pytest.fixture
def cognito_token(cognito_pool: testing.Pool) -> str:
    """A good access token of a person in no group. `cognito_pool.access_token(groups=[…])` gives others."""
    return cognito_pool.access_token()


@pytest.fixture
def cognito_bad_tokens(cognito_pool: testing.Pool) -> Mapping[str, str]:
    """Tokens that must be refused, by the `code` of the 401."""
    return testing.bad_tokens(cognito_pool)
