"""The rows can fail: a loss and a wrong admission, planted behind the back of a service that is well."""

import time
from dataclasses import replace

from tests.faults.load import BOOKS, BadRequest, Load, read_back
from tests.faults.scene import Say, Scene


def test_a_planted_loss_and_a_planted_admission_are_seen(scene: Scene, say: Say) -> None:
    say("a loss and a wrong admission are planted")
    url = scene.database()
    with scene.server(url) as server:
        cast = scene.cast(server)
        # Nothing is wrong with this token, but nobody tells the load so.
        planted = BadRequest("planted", "GET", BOOKS, cast.readers[0])
        with Load(replace(cast, bad=[*cast.bad, planted]), server.port, pace=0.02) as load:
            time.sleep(3)
        assert load.ledger.losses(read_back(server.port)) == []
        assert load.admitted
        assert all(sentence.startswith("planted") for sentence in load.admitted)

        kept = [entry.pk for entry in load.ledger.entries if entry.promised is not None and not entry.unsure]
        database = url.rpartition("/")[2]
        for table, column in (("books_authorship", "book_id"), ("books_book", "id")):
            scene.postgresql.execute(f"DELETE FROM {table} WHERE {column} = {kept[0]}", database)  # noqa: S608
        scene.postgresql.execute(f"UPDATE books_book SET title = 'changed' WHERE id = {kept[1]}", database)  # noqa: S608
        assert len(load.ledger.losses(read_back(server.port))) == 2
