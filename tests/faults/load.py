"""A steady load: people who read and write, people who may not, and a note of what each of them saw."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.faults.ledger import MARK, Content, Entry, Ledger

BOOKS = "/api/v1/books/"
ACCOUNTS = "/api/v1/accounts/"

PATIENCE_SECONDS = 45.0
"""After so long a client gives up. No row allows that."""
QUIET_SECONDS = 3.0
"""All is well again when nothing else was seen for so long."""
KNOWN_AFTER_SECONDS = 1.5
"""A sign-out must be known everywhere within one second; the rest is for the way there and a busy machine."""

WELL = ("200", "201", "204")


class Answer(NamedTuple):
    """What a client saw: `told` is a status, with the problem's code if it has one, or how the connection failed."""

    told: str
    body: Any = None

    @property
    def is_good(self) -> bool:
        """Whether the request was met."""
        return self.told in WELL


class Client:
    """One client of the service; keeps its connection where `keeps` says so.

    It goes on to the next of `ports` where nobody listens at one, as a load balancer does.
    """

    def __init__(self, *ports: int, keeps: bool = False) -> None:
        self._ports, self._keeps = [*ports], keeps
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Let go of a kept connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> Answer:
        """The answer, whatever it is. Never raises for what the network does."""
        was_used = self._connection is not None
        answer = self._ask(method, path, body, token)
        if answer.told == "connection closed" and was_used and method == "GET":
            # A kept connection may be closed at any time; every HTTP client then asks again (RFC 9110 section 9.2.2).
            answer = self._ask(method, path, body, token)
        for _ in self._ports[1:]:
            if answer.told != "connection refused":
                break
            self._ports = [*self._ports[1:], self._ports[0]]
            answer = self._ask(method, path, body, token)
        return answer

    def _ask(self, method: str, path: str, body: object, token: str) -> Answer:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        connection = self._connection or http.client.HTTPConnection(
            "127.0.0.1", self._ports[0], timeout=PATIENCE_SECONDS
        )
        self._connection = None
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            response = connection.getresponse()
            content = response.read()
        except ConnectionRefusedError:
            connection.close()
            return Answer("connection refused")
        except TimeoutError:
            connection.close()
            return Answer(f"no answer in {PATIENCE_SECONDS:.0f} s")
        except (OSError, http.client.HTTPException):
            connection.close()
            return Answer("connection closed")
        if self._keeps:
            self._connection = connection
        else:
            connection.close()
        said = json.loads(content) if content else None
        code = f" {said['code']}" if response.status >= 400 and isinstance(said, dict) and "code" in said else ""
        return Answer(f"{response.status}{code}", said)


@dataclass(frozen=True)
class BadRequest:
    """What nobody may be let in for."""

    what: str
    method: str
    path: str
    token: str
    body: object = None


@dataclass(frozen=True)
class Session:
    """A sign-in that is going to be signed out."""

    access_token: str
    refresh_token: str


@dataclass(frozen=True)
class Cast:
    """Who takes part: good tokens, bad requests, sessions to sign out, and the account whose password is guessed."""

    writers: Sequence[str]
    readers: Sequence[str]
    bad: Sequence[BadRequest]
    sessions: Sequence[Session] = ()
    guessed: str = ""


class Seen(NamedTuple):
    """One request of the load; moments are monotonic."""

    began: float
    ended: float
    part: str
    told: str
    is_good: bool


@dataclass
class Phases:
    """When it was broken and repaired."""

    broken: float | None = None
    repaired: float | None = None


class Load:
    """The load on the service at one of `ports`; a context manager.

    `pace` is the pause of every client between two requests, in seconds. `guesses` is how many wrong passwords of
    one account may be tried in any minute.
    """

    def __init__(self, cast: Cast, *ports: int, pace: float = 0.05, guesses: int = 5) -> None:
        self.ledger = Ledger()
        self.seen: list[Seen] = []
        self.admitted: list[str] = []
        self.phases = Phases()
        self._ports, self._cast, self._pace, self._guesses = ports, cast, pace, guesses
        self._under_way: dict[int, float] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    # --- The course of a row ---

    def __enter__(self) -> "Load":
        parts: list[Callable[[], None]] = [
            lambda: self._read("", keeps=True),
            lambda: self._read("", keeps=False),
            *((lambda token=token: self._read(token, keeps=False)) for token in self._cast.readers),
            *((lambda token=token: self._write(token)) for token in self._cast.writers),
            self._probe,
            self._trespass,
            self._sign_out,
            self._guess,
        ]
        self._threads = [threading.Thread(target=part, daemon=True) for part in parts]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS + 5)

    def broken(self) -> None:
        """Say that it is broken from now on."""
        self.phases.broken = time.monotonic()

    def repaired(self) -> None:
        """Say that it is repaired as of now."""
        self.phases.repaired = time.monotonic()

    def until_well(self, seconds: float = 40) -> None:
        """Go on until all has been well for QUIET_SECONDS. Raises AssertionError when it is not within `seconds`."""
        repaired = self.phases.repaired
        assert repaired is not None
        while True:
            now = time.monotonic()
            late = [seen for seen in list(self.seen) if seen.ended > repaired and seen.part in ("read", "write")]
            bad = max((seen.ended for seen in late if not seen.is_good), default=repaired)
            good = {seen.part for seen in late if seen.is_good and seen.ended > bad}
            hanging = any(now - began > 1 for began in list(self._under_way.values()))
            if good == {"read", "write"} and not hanging and now - bad >= QUIET_SECONDS:
                return
            assert now - repaired < seconds, f"not well {seconds} s after the repair: {Counter(s.told for s in late)}"
            time.sleep(0.1)

    # --- What came of it ---

    @property
    def recovery(self) -> float | None:
        """Seconds from the repair to the first moment from which on every reader and writer was served."""
        repaired = self.phases.repaired
        if repaired is None:
            return None
        late = [seen for seen in self.seen if seen.ended > repaired and seen.part in ("read", "write")]
        bad = max((seen.ended for seen in late if not seen.is_good), default=repaired)
        firsts = [
            min((seen.ended for seen in late if seen.part == part and seen.is_good and seen.ended > bad), default=bad)
            for part in ("read", "write")
        ]
        # Who was never let wait has nothing to recover from.
        return 0.0 if bad == repaired and max(firsts) - repaired < 0.5 else max(firsts) - repaired

    def outcomes(self, *parts: str) -> Counter[str]:
        """What the clients of these parts saw, and how often."""
        return Counter(seen.told for seen in self.seen if seen.part in parts)

    def longest_wait(self, *parts: str) -> float:
        """Seconds."""
        return max((seen.ended - seen.began for seen in self.seen if seen.part in parts), default=0.0)

    def excess_guesses(self) -> list[str]:
        """A sentence for each password that was tried though as many as allowed had been, in the minute before."""
        tried = sorted(
            (seen for seen in self.seen if seen.part == "guess" and seen.told == "401 invalid_credentials"),
            key=lambda seen: seen.began,
        )
        return [
            f"Guess number {index + 1} was allowed {last.ended - tried[index - self._guesses].began:.1f} s after the "
            f"{self._guesses}th before it."
            for index, last in enumerate(tried)
            if index >= self._guesses and last.ended - tried[index - self._guesses].began < 60
        ]

    # --- The clients ---

    def note(self, part: str, answer: Callable[[], Answer]) -> Answer:
        """Ask, and note what was seen."""
        me, began = threading.get_ident(), time.monotonic()
        self._under_way[me] = began
        given = answer()
        del self._under_way[me]
        self.seen.append(Seen(began, time.monotonic(), part, given.told, given.is_good))
        return given

    def _turns(self, pace: float | None = None) -> Iterator[int]:
        turn = 0
        while not self._stop.wait((pace or self._pace) * random.uniform(0.8, 1.2)):
            yield turn
            turn += 1

    def _read(self, token: str, *, keeps: bool) -> None:
        client = Client(*self._ports, keeps=keeps)
        pk = 1
        for turn in self._turns():
            paths = (BOOKS, f"{BOOKS}{pk}/", f"{BOOKS}?search=the&page_size=5", f"{BOOKS}?ordering=title&page_size=50")
            path = paths[turn % len(paths)]
            answer = self.note("read", lambda path=path: client.ask("GET", path, token=token))  # type: ignore[misc]
            if answer.is_good and path == paths[2]:
                # Books of the sample are never deleted.
                pk = next((b["id"] for b in answer.body["results"] if not b["title"].startswith(MARK)), pk)
        client.close()

    def _write(self, token: str) -> None:
        client = Client(*self._ports)
        me = f"{threading.get_ident():x}"
        for turn in self._turns():
            self._life_of_a_book(client, token, f"{me} {turn}", self.ledger.new())

    def _life_of_a_book(self, client: Client, token: str, name: str, entry: Entry) -> None:
        """Added, changed twice, at times deleted; left alone as soon as there is no clear answer."""
        steps: list[Content | None] = [
            Content(f"{MARK}: {name}, {step}", (f"Author {name} {step % 2}", "Uma User"), f"{name}, state {step}")
            for step in range(3)
        ]
        if random.random() < 0.2:
            steps.append(None)
        for content in steps:
            if self._stop.is_set():
                return
            method = "DELETE" if content is None else "POST" if entry.pk is None else "PATCH"
            path = BOOKS if entry.pk is None else f"{BOOKS}{entry.pk}/"
            body = None if content is None else content._asdict()
            answer = self.note(
                "write",
                lambda method=method, path=path, body=body: client.ask(method, path, body, token),  # type: ignore[misc]
            )
            if not answer.is_good:
                if not answer.told.startswith("4"):
                    entry.perhaps(content)
                return
            entry.kept(content, answer.body["id"] if method == "POST" else None)
            time.sleep(self._pace)

    def _probe(self) -> None:
        client = Client(*self._ports)
        for _ in self._turns(0.25):
            self.note("healthz", lambda: client.ask("GET", "/healthz"))

    def _trespass(self) -> None:
        client = Client(*self._ports)
        for turn in self._turns():
            self._try(client, self._cast.bad[turn % len(self._cast.bad)])

    def _try(self, client: Client, bad: BadRequest) -> None:
        answer = self.note("bad", lambda: client.ask(bad.method, bad.path, bad.body, bad.token))
        if answer.told.startswith("2"):
            self.admitted.append(f"{bad.what}: {bad.method} {bad.path} was answered {answer.told}.")

    def _sign_out(self) -> None:
        """Signs sessions out one by one, and knocks with their tokens as soon as those must be refused."""
        client = Client(*self._ports)
        ended: list[tuple[float, str]] = []
        left = list(self._cast.sessions)
        for turn in self._turns(0.25):
            if turn % 4 == 0 and left:
                session = left.pop()
                body = {"refresh_token": session.refresh_token}
                answer = self.note(
                    "sign-out",
                    lambda body=body, session=session: client.ask(  # type: ignore[misc]
                        "POST", f"{ACCOUNTS}sign-out/", body, session.access_token
                    ),
                )
                if answer.told == "204":
                    ended.append((time.monotonic(), session.access_token))
            known = [token for moment, token in ended if time.monotonic() - moment >= KNOWN_AFTER_SECONDS]
            if known:
                token = random.choice(known[-4:])
                self._try(client, BadRequest("signed out under load", "GET", BOOKS, token))

    def _guess(self) -> None:
        client = Client(*self._ports)
        if self._cast.guessed:
            for turn in self._turns(0.4):
                self.guess(client, turn)

    def guess(self, client: Client, number: int) -> Answer:
        """Try a wrong password."""
        body = {"email": self._cast.guessed, "password": f"Wrong-{number}!"}
        return self.note("guess", lambda: client.ask("POST", f"{ACCOUNTS}sign-in/", body))


def read_back(port: int) -> dict[int, Content]:
    """Every book that is there, by its id, page by page as any client would."""
    client = Client(port, keeps=True)
    found: dict[int, Content] = {}
    path: str | None = f"{BOOKS}?page_size=100&ordering=created_at"
    while path:
        answer = client.ask("GET", path)
        assert answer.told == "200", answer
        for book in answer.body["results"]:
            found[book["id"]] = Content(book["title"], tuple(book["authors"]), book["description"])
        following = answer.body["next"]
        path = following and following[following.index(BOOKS) :]
    client.close()
    return found


@contextmanager
def crowd(members: Sequence[Callable[[], None]]) -> Iterator[None]:
    """Let all of them run beside what is done inside, and wait for them at the end."""
    threads = [threading.Thread(target=member, daemon=True) for member in members]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(PATIENCE_SECONDS + 15)


@dataclass
class Row:
    """A line of the table."""

    fault: str
    seen: Counter[str] = field(default_factory=Counter)
    longest_wait: float = 0.0
    recovery: float | None = None
    acknowledged: int = 0
    losses: list[str] = field(default_factory=list)
    tried: int = 0
    admitted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
