"""Start, stop and reset of a local Cognito, in this process or in its own."""

import itertools
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local_cognito import demo
from local_cognito.application import Application
from local_cognito.clock import Clock
from local_cognito.cognito import Cognito
from local_cognito.local_pages import LocalPages
from local_cognito.messages import Message, Outbox
from local_cognito.store import Store, new_client_secret
from local_cognito.template import TEMPLATE, Template, build, client_id

DEFAULT_PORT = 9229
DEFAULT_REGION = "eu-west-1"
DEFAULT_APP_URLS = ("http://127.0.0.1:8000", "http://localhost:8000")
# Redirect URIs by parameter of the template: paths are those of the service, under each of its addresses.
_REDIRECT_URIS = {
    "WebCallbackUrls": ("/accounts/hosted/callback/",),
    "WebLogoutUrls": ("/",),
    "SpaCallbackUrls": ("/api/docs/oauth2-redirect.html", "http://localhost:5173/"),
    "SpaLogoutUrls": ("/", "http://localhost:5173/"),
}

# Each stand-in of a process has an account of its own in moto, so that they do not see each other's pools.
_accounts = itertools.count(200_000_000_001)


class _QuietHandler(WSGIRequestHandler):
    """No line per request: the process tells of messages it sent, and of nothing else."""

    # For what is not even HTTP.
    error_content_type = "application/json"
    error_message_format = '{"error": "bad request", "status": %(code)d}'
    clock: Clock

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` of an answer: by the clock that tokens are issued by, as on AWS."""
        return super().date_time_string(self.clock.now() if timestamp is None else timestamp)

    def log(self, level: str, message: str, *args: Any) -> None:
        logging.getLogger(__name__).debug(message, *args)


class LocalCognito:
    """A Cognito of one's own on 127.0.0.1; a context manager.

    ``port`` 0 takes a free one. ``app_urls`` are addresses of the service: its callbacks are registered under
    each of them. ``on_message`` is told of every mail that would be sent. Starting raises OSError when the
    port is taken; ids of pool and clients are the same at every start, keys and secrets are not.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        region: str = DEFAULT_REGION,
        app_urls: Iterable[str] = DEFAULT_APP_URLS,
        on_message: Callable[[Message], None] | None = None,
        template: Path = TEMPLATE,
    ) -> None:
        if host != "127.0.0.1":
            raise ValueError("the local Cognito listens on 127.0.0.1, loopback only: it keeps passwords in clear")
        self.region = region
        # Nine characters after the region, as AWS has it.
        self.pool_id = f"{region}_LocalBook"
        self.clock = Clock()
        self.messages = Outbox(self.clock, on_message)
        self._host, self._port = host, port
        self._app_urls = [url.rstrip("/") for url in app_urls]
        self._template = template
        self._server: BaseWSGIServer | None = None
        self._cognito: Cognito | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at the end: API endpoint and hosted sign-in in one."""
        return self._running.url

    @property
    def _running(self) -> Cognito:
        if self._cognito is None:
            raise RuntimeError("the local Cognito is not running")
        return self._cognito

    def start(self) -> Self:
        """Listen, and make the pool. Raises OSError when the port is taken."""
        # Bound here rather than by the server class, which ends the whole process when the port is taken.
        with socket.create_server((self._host, self._port)) as listener:
            port = listener.getsockname()[1]
            url = f"http://{self._host}:{port}"
            cognito = Cognito(url, Store(str(next(_accounts)), self.region), self.clock, self.messages)
            self._cognito = cognito
            demo.add_people(build(cognito.store, self._filled_template(), self.pool_id, new_client_secret))
            cognito.store.remember()
            application = Application(cognito, LocalPages(cognito, self.environment, self.reset))
            self._server = make_server(
                self._host,
                port,
                application,
                threaded=True,
                request_handler=type("Handler", (_QuietHandler,), {"clock": self.clock}),
                fd=listener.fileno(),
            )
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.05,), name="local-cognito", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening and forget everything."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._cognito is not None:
            self._cognito.store.clear()
            self._cognito = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def reset(self) -> None:
        """Back to the first state: the pool of the template, the demo users, no messages, wall-clock time.

        Keys, ids and secrets stay, so ``environment()`` keeps its meaning; sign-ins end.
        """
        cognito = self._running
        with cognito.lock:
            cognito.store.restore()
            self.messages.clear()
            self.clock.restore()

    def register_app(self, url: str) -> None:
        """Register the service's callbacks under one more address, such as a test's live server."""
        self._app_urls.append(url.rstrip("/"))
        self._register_apps()

    def forget_app(self, url: str) -> None:
        """Undo ``register_app``."""
        self._app_urls.remove(url.rstrip("/"))
        self._register_apps()

    def _register_apps(self) -> None:
        cognito = self._running
        with cognito.lock:
            for logical_id, settings in self._filled_template().of_type("AWS::Cognito::UserPoolClient"):
                addresses: dict[str, list[str]] = {
                    name: settings[name] for name in ("CallbackURLs", "LogoutURLs") if name in settings
                }
                for client in cognito.store.first_clients(client_id(logical_id)):
                    client.extended_config |= addresses

    def environment(self) -> dict[str, str]:
        """The environment variables with which the service uses this Cognito.

        The AWS keys are made up: administration must be signed, by whom does not matter here.
        """
        cognito = self._running
        web = cognito.store.client(client_id("WebClient"))
        issuer = cognito.issuer(web.pool)
        return {
            "COGNITO_REGION": self.region,
            "COGNITO_USER_POOL_ID": self.pool_id,
            "COGNITO_CLIENT_ID": web.id,
            "COGNITO_CLIENT_SECRET": web.secret or "",
            "COGNITO_ALLOWED_CLIENT_IDS": ",".join([client_id("SpaClient"), client_id("MachineClient")]),
            "COGNITO_ISSUER": issuer,
            "COGNITO_JWKS_URL": f"{issuer}/.well-known/jwks.json",
            "COGNITO_ENDPOINT_URL": self.url,
            "COGNITO_DOMAIN": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    def machine_client(self) -> tuple[str, str]:
        """Id and secret of the client that signs in by itself (client_credentials)."""
        client = self._running.store.client(client_id("MachineClient"))
        return client.id, client.secret or ""

    def spa_client(self) -> str:
        """Id of the public client."""
        return client_id("SpaClient")

    def _filled_template(self) -> Template:
        """The template with the redirect URIs of where the service really runs."""
        return Template(self._template, {name: self._absolute(uris) for name, uris in _REDIRECT_URIS.items()})

    def _absolute(self, uris: Iterable[str]) -> str:
        """A comma list of the URIs; a path stands for one URI under each address of the service."""
        found = [app_url + uri if uri.startswith("/") else uri for app_url in self._app_urls for uri in uris]
        return ",".join(dict.fromkeys(found))


def describe(environment: Mapping[str, str]) -> str:
    """A few lines for people about a running stand-in."""
    url = environment["COGNITO_ENDPOINT_URL"]
    users = ", ".join(person.email for person in demo.PEOPLE)
    return (
        f"Local Cognito at {url}, pool {environment['COGNITO_USER_POOL_ID']}\n"
        f"Users: {users}; password {demo.PASSWORD}\n"
        f"Messages it would have mailed: {url}/_local/"
    )
