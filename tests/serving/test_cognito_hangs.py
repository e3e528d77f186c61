"""Cognito accepts connections and never answers: whoever needs it is told so, and everybody else reads on."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_cognito.server import LocalCognito
from tests.accounts.people import ACCOUNTS, BOOKS, PASSWORD
from tests.service import Answer, Service, manage, production


def test_books_are_read_while_sign_ins_hang_and_the_workers_come_free(stand_in: LocalCognito, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = production(stand_in, tmp_path / "books.sqlite3", COGNITO_ENDPOINT_URL=hanging)
        manage(environment, "migrate", "-v", "0")
        service = Service(environment)
        service.start()
        try:

            def sign_in(number: int) -> Answer:
                body = {"email": f"reader-{number}@example.com", "password": PASSWORD}
                return service.ask("POST", f"{ACCOUNTS}sign-in/", body)

            with ThreadPoolExecutor(3) as threads:
                waiting = [threads.submit(sign_in, number) for number in range(3)]
                read = 0
                while not all(answer.done() for answer in waiting):
                    assert service.ask("GET", BOOKS).status == 200
                    read += 1
            answers = [answer.result() for answer in waiting]
            assert [(answer.status, answer.body["code"]) for answer in answers] == [(503, "cognito_unavailable")] * 3
            # They hung for the time-out of one call; reading went on all the while.
            assert read > 20
            assert service.ask("GET", BOOKS).status == 200
        finally:
            service.stop()
