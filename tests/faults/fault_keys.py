"""The pool's keys cannot be fetched, or change."""

import time
import urllib.request
from collections.abc import Iterator

import pytest

from accounts.tokens.keys import COOL_DOWN_SECONDS
from accounts.tokens.testing import Pool, jwk
from tests.faults import hurried
from tests.faults.load import BOOKS, Client, Load
from tests.faults.scene import Say, Scene
from tests.faults.services import KeyEndpoint, with_key

MARGIN_SECONDS = 2.0
UNCHECKED = "503 keys_unavailable"


@pytest.fixture
def endpoint(scene: Scene) -> Iterator[KeyEndpoint]:
    """Serves the keys of the local Cognito."""
    with urllib.request.urlopen(scene.cognito.environment()["COGNITO_JWKS_URL"], timeout=5) as answer:
        endpoint = KeyEndpoint(answer.read())
    yield endpoint
    endpoint.close()


def test_keys_away_for_less_than_they_are_kept(scene: Scene, say: Say, endpoint: KeyEndpoint) -> None:
    with scene.server(module="tests.faults.hurried", COGNITO_JWKS_URL=endpoint.url) as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("the key endpoint is down")
            load.broken()
            endpoint.up = False
            asked = endpoint.asked
            time.sleep(0.6 * hurried.USABLE_SECONDS)
            assert endpoint.asked > asked, "nobody tried to fetch the keys"
            endpoint.up = True
            load.repaired()
            load.until_well()
        scene.judge("keys away", load, server)


def test_keys_away_for_longer_than_they_are_kept(scene: Scene, say: Say, endpoint: KeyEndpoint) -> None:
    with scene.server(module="tests.faults.hurried", COGNITO_JWKS_URL=endpoint.url) as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say("the key endpoint is down, and stays so")
            load.broken()
            endpoint.up = False
            time.sleep(hurried.USABLE_SECONDS + 5)
            anonymous = Client(server.port).ask("GET", BOOKS)
            endpoint.up = True
            load.repaired()
            load.until_well()
        assert anonymous.told == "200"
        assert load.outcomes("bad")[UNCHECKED] > 0
        scene.judge("keys gone", load, server, allowed=[UNCHECKED])


def test_keys_rotated_and_withdrawn(scene: Scene, say: Say, endpoint: KeyEndpoint) -> None:
    ours = scene.cognito.environment()
    old = Pool(ours["COGNITO_ISSUER"], ours["COGNITO_CLIENT_ID"], "old-key")
    new = Pool(old.issuer, old.client_id, "new-key")
    cognitos_own = endpoint.document
    endpoint.document = with_key(cognitos_own, jwk(old.kid, old.key))
    before, after = old.access_token("Olga"), new.access_token("Nora")
    with scene.server(COGNITO_JWKS_URL=endpoint.url) as server:
        with Load(scene.cast(server), server.port) as load:
            client = Client(server.port)
            time.sleep(3)
            assert {client.ask("GET", BOOKS, token=before).told for _ in range(10)} == {"200"}

            say("a new key is there, beside the old one")
            load.broken()
            endpoint.document = with_key(endpoint.document, jwk(new.kid, new.key))
            known = _settled(client, after, "200")
            assert _settled(client, before, "200") < 1

            say("the old key is withdrawn")
            endpoint.document = with_key(cognitos_own, jwk(new.kid, new.key))
            load.repaired()
            forgotten = _settled(client, before, "401 token_key_unknown")
            assert _settled(client, after, "200") < 1
            load.until_well()
            if forgotten > COOL_DOWN_SECONDS + MARGIN_SECONDS:
                load.admitted.append(f"A token of a withdrawn key was good for {forgotten:.1f} s.")
        assert known < COOL_DOWN_SECONDS + MARGIN_SECONDS
        note = f"The new key was good after {known:.1f} s, the old one refused after {forgotten:.1f} s."
        scene.judge("keys rotated", load, server, notes=[note])


def _settled(client: Client, token: str, told: str) -> float:
    """Seconds until every answer about `token` is `told`: twenty in a row, on connections of their own."""
    began = last = time.monotonic()
    run = 0
    while run < 20:
        answer = client.ask("GET", BOOKS, token=token)
        run = run + 1 if answer.told == told else 0
        if run == 0:
            last = time.monotonic()
            assert last - began < 60, answer
            time.sleep(0.05)
    return last - began
