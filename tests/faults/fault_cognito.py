"""Cognito accepts connections and never answers."""

import time
from urllib.parse import urlsplit

from tests.faults.load import ACCOUNTS, Client, Load, crowd
from tests.faults.scene import Say, Scene
from tests.faults.services import Tap

PEOPLE = 12  # at a time: more than both workers together have threads
HUNG_SECONDS = 15


def test_cognito_hangs(scene: Scene, say: Say) -> None:
    port = urlsplit(scene.cognito.url).port
    assert port
    tap = Tap(port)
    try:
        with scene.server(COGNITO_ENDPOINT_URL=tap.url) as server:
            with Load(scene.cast(server), server.port) as load:

                def sign_in_for(seconds: float, name: str) -> None:
                    client, until, number = Client(server.port), time.monotonic() + seconds, 0
                    while time.monotonic() < until:
                        number += 1
                        body = {"email": f"{name}-{number}@example.com", "password": "Passw0rd!"}
                        load.note("sign-in", lambda body=body: client.ask("POST", f"{ACCOUNTS}sign-in/", body))  # type: ignore[misc]
                        time.sleep(0.1)

                time.sleep(3)
                say("Cognito hangs")
                load.broken()
                tap.hung.set()
                with crowd([lambda n=n: sign_in_for(HUNG_SECONDS, f"p{n}") for n in range(PEOPLE)]):  # type: ignore[misc]
                    time.sleep(HUNG_SECONDS)
                    tap.hung.clear()
                    load.repaired()
                signs = load.outcomes("sign-in")
                load.until_well()
                assert scene.sign_in(server, "user@example.com")
            told = "; ".join(f"{what}: {count}" for what, count in sorted(signs.items()))
            wait = load.longest_wait("sign-in")
            scene.judge(
                "cognito hangs",
                load,
                server,
                also_allowed=["503 cognito_unavailable"],
                notes=[f"Sign-ins: {told}, within {wait:.1f} s."],
            )
            assert signs["503 cognito_unavailable"] > PEOPLE
            assert {*signs} <= {"503 cognito_unavailable", "401 invalid_credentials"}
    finally:
        tap.close()
