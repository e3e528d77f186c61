"""Redis goes away, comes back empty, and is wiped."""

import time

from tests.faults.load import Client, Load, crowd
from tests.faults.scene import Say, Scene

PER_MINUTE = 5  # sign_in_account
GUESSERS, GUESSES = 8, 8


def test_redis_away_and_wiped(scene: Scene, say: Say) -> None:
    with scene.server() as server:
        # In one minute: as many as may be in Redis, as many in each worker while it is away, as many in the one that
        # comes back empty, and as many after it was wiped.
        bound = PER_MINUTE * (1 + server.workers + 1 + 1)
        with Load(scene.cast(server), server.port, guesses=bound) as load:

            def guess() -> None:
                client = Client(server.port)
                for number in range(GUESSES):
                    load.guess(client, number)

            time.sleep(3)
            say("Redis is stopped, and passwords are guessed")
            load.broken()
            scene.redis.stop()
            with crowd([guess] * GUESSERS):
                time.sleep(8)
            let_through = load.outcomes("guess")["401 invalid_credentials"]
            scene.redis.start()
            load.repaired()
            say("Redis is back, empty")
            load.until_well()
            scene.redis.wipe()
            say("Redis was wiped")
            time.sleep(5)
        assert let_through >= PER_MINUTE  # they did guess
        note = (
            f"{load.outcomes('guess')['401 invalid_credentials']} of {load.outcomes('guess').total()} guesses passed."
        )
        scene.judge("redis away", load, server, notes=[note])
