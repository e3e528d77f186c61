"""Where a fault happens: services of its own, a server with people signed in, and how its row is judged."""

import base64
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from accounts.tokens.testing import Pool
from local_cognito.demo import PASSWORD
from local_cognito.server import LocalCognito
from tests.faults.load import ACCOUNTS, BOOKS, BadRequest, Cast, Client, Load, Row, Session, read_back
from tests.faults.services import SERVER, PostgreSQL, Redis, Server
from tests.faults.table import FAULTS
from tests.service import manage, production

DATABASE_DOWN = "503 database_unavailable"
SESSIONS = 25

Say = Callable[[str], None]


class Scene:
    """What all rows share: PostgreSQL, Redis and a local Cognito, running."""

    def __init__(self, folder: Path, cognito: LocalCognito, say: Say) -> None:
        self.folder, self.cognito, self.say = folder, cognito, say
        self.rows: list[Row] = []
        self.postgresql = PostgreSQL(folder)
        self.postgresql.start()
        self.redis = Redis(folder)
        self.redis.start()
        self._databases = 0
        self.postgresql.execute(f"CREATE ROLE {PostgreSQL.role} LOGIN")
        self._create("first", "template0")
        self.fill(self.postgresql.url("first"))

    def close(self) -> None:
        """Stop what was started."""
        self.postgresql.thaw()
        self.postgresql.stop()
        self.redis.stop()

    def _create(self, name: str, template: str) -> str:
        self.postgresql.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {PostgreSQL.role}")
        # The numbers that a sequence has reserved in the write-ahead log are those of the template: a crash before the
        # next checkpoint would take those of a copy back (seen with PostgreSQL 15).
        self.postgresql.execute("CHECKPOINT")
        return self.postgresql.url(name)

    def environment(self, database_url: str, **more: str) -> dict[str, str]:
        """The server's. Everybody here comes from one address: its rate is raised, those of accounts stay."""
        ours = {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis.url,
            "ACCOUNTS_THROTTLES": "sign_in_address=100000/min",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        environment = production(self.cognito, Path("unused"), **ours, **more)
        del environment["DRAIN_SECONDS"]  # the usual
        return environment

    def fill(self, database_url: str) -> None:
        """Migrate, and add a sample."""
        environment = self.environment(database_url)
        manage(environment, "migrate", "-v", "0")
        manage(environment, "seed_books", "300", "-v", "0")

    def database(self) -> str:
        """A fresh database: its URL."""
        self._databases += 1
        return self._create(f"copy{self._databases}", "first")

    @contextmanager
    def server(self, database_url: str = "", module: str = SERVER, **more: str) -> Iterator[Server]:
        """A server on a fresh database, or on the one given; everything else is fresh too. `more` is environment."""
        url = database_url or self.database()
        self.redis.wipe()
        self.cognito.reset()
        server = Server(self.environment(url, **more), self.folder / f"server{len(self.rows)}.log", module)
        with self._running(server):
            yield server

    @contextmanager
    def another(self, server: Server) -> Iterator[Server]:
        """A second server beside one, on its database."""
        twin = server.twin()
        with self._running(twin):
            yield twin

    @contextmanager
    def _running(self, server: Server) -> Iterator[None]:
        try:
            server.start()
            yield
        except AssertionError:
            self.say(f"The end of {server.log.name}:\n{server.log.read_text()[-3000:]}")
            raise
        finally:
            server.stop()

    # --- People ---

    def cast(self, server: Server, guessed: str = "admin@example.com") -> Cast:
        """Uma and Ada write, everybody reads, and a row of people who may not."""
        uma, ada, gus = (self.sign_in(server, f"{name}@example.com") for name in ("user", "admin", "guest"))
        gone = self.sign_in(server, "guest@example.com")
        out = Client(server.port).ask(
            "POST", f"{ACCOUNTS}sign-out/", {"refresh_token": gone.refresh_token}, gone.access_token
        )
        assert out.told == "204", out
        time.sleep(1)
        return Cast(
            writers=(uma.access_token, uma.access_token, ada.access_token),
            readers=(uma.access_token, gus.access_token),
            bad=[*self.bad(uma.access_token, gus.access_token, gone.access_token)],
            sessions=[self.sign_in(server, "guest@example.com") for _ in range(SESSIONS)],
            guessed=guessed,
        )

    def sign_in(self, server: Server, email: str) -> Session:
        """A sign-in through the service."""
        answer = Client(server.port).ask("POST", f"{ACCOUNTS}sign-in/", {"email": email, "password": PASSWORD})
        assert answer.told == "200", answer
        return Session(answer.body["access_token"], answer.body["refresh_token"])

    def bad(self, good: str, guest: str, revoked: str) -> Iterable[BadRequest]:
        """Bad tokens, on paths that are open to nobody and to everybody: a bad token is refused on both."""
        kid = json.loads(base64.urlsafe_b64decode(good.partition(".")[0] + "=="))["kid"]
        ours = self.cognito.environment()
        issuer, client = ours["COGNITO_ISSUER"], ours["COGNITO_CLIENT_ID"]
        groups = ["ROLE_ADMIN"]
        tokens = {
            "expired": self._of_two_hours_ago()["AccessToken"],
            "ID token": self._ask_cognito()["IdToken"],
            "revoked": revoked,
            "forged": Pool(issuer, client, kid).access_token("Mallory", groups),
            "unknown key": Pool(issuer, client, "nobodys-key").access_token("Mallory", groups),
            "foreign": Pool("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Foreign1", client).access_token(
                "Mallory", groups
            ),
        }
        book = {"title": "Let in", "authors": ["Mallory"]}
        for what, token in tokens.items():
            yield BadRequest(what, "GET", BOOKS, token)
            yield BadRequest(what, "POST", BOOKS, token, book)
        yield BadRequest("guest", "POST", BOOKS, guest, book)
        yield BadRequest("guest", "PATCH", f"{BOOKS}1/", guest, {"title": "Let in"})
        yield BadRequest("nobody", "POST", BOOKS, "", book)
        yield BadRequest("user", "DELETE", f"{BOOKS}1/", good)

    def _of_two_hours_ago(self) -> dict[str, str]:
        self.cognito.clock.advance(-7200)
        try:
            return self._ask_cognito()
        finally:
            self.cognito.clock.restore()

    def _ask_cognito(self) -> dict[str, str]:
        """Tokens of Ada, from Cognito itself: InitiateAuth."""
        ours, email = self.cognito.environment(), "admin@example.com"
        client, secret = ours["COGNITO_CLIENT_ID"], ours["COGNITO_CLIENT_SECRET"]
        digest = hmac.new(secret.encode(), f"{email}{client}".encode(), hashlib.sha256).digest()
        given = {"USERNAME": email, "PASSWORD": PASSWORD, "SECRET_HASH": base64.b64encode(digest).decode()}
        body = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client, "AuthParameters": given}
        request = urllib.request.Request(
            self.cognito.url,
            json.dumps(body).encode(),
            {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            tokens: dict[str, str] = json.load(answer)["AuthenticationResult"]
        return tokens

    # --- The judgement ---

    def judge(
        self,
        key: str,
        load: Load,
        server: Server,
        *,
        allowed: Iterable[str] = (),
        also_allowed: Iterable[str] = (),
        notes: Iterable[str] = (),
        health_seconds: float | None = None,
    ) -> None:
        """Read everything back, put the row on the table, and hold what must be true of every fault.

        `allowed` is what readers and writers may have seen beside good answers; `also_allowed` is for probes, for
        those who sign out and for those who guess, and these may see all of `allowed` too. `health_seconds` is how
        long `/healthz` may have taken.
        """
        allowed = {*allowed}
        row = Row(
            FAULTS[key],
            seen=load.outcomes("read", "write"),
            longest_wait=load.longest_wait("read", "write"),
            recovery=load.recovery,
            acknowledged=load.ledger.acknowledged,
            losses=load.ledger.losses(read_back(server.port)),
            tried=load.outcomes("bad").total() + load.outcomes("guess").total(),
            admitted=[*load.admitted, *load.excess_guesses()],
            notes=[*notes, f"`/healthz` within {load.longest_wait('healthz'):.1f} s."],
        )
        self.rows.append(row)
        assert not row.losses, row.losses[:5]
        assert not row.admitted, row.admitted[:5]
        assert row.acknowledged > 20, "hardly anything was written"
        assert health_seconds is None or load.longest_wait("healthz") <= health_seconds
        assert {*row.seen} <= {*allowed, "200", "201", "204"}, row.seen
        others = {*allowed, *also_allowed, "200", "204", "401 invalid_credentials", "429 throttled"}
        assert {*load.outcomes("healthz", "sign-out", "guess")} <= others, load.outcomes("healthz", "sign-out", "guess")
        refused = {told for told in load.outcomes("bad") if not told.startswith(("401 ", "403 permission_denied"))}
        assert refused <= allowed, load.outcomes("bad")
        kinds = {"401 token_expired", "401 token_revoked", "401 token_signature_invalid", "401 token_wrong_pool"}
        assert {*kinds, "403 permission_denied", "401 not_authenticated"} <= {*load.outcomes("bad")}
