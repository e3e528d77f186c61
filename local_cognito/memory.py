"""State that moto does not hold: codes, challenges, sign-in sessions and second factors, in memory."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Code:
    """A six-digit code that was sent: until when it works (seconds since 1970), and how often it was guessed at."""

    digits: str
    expires_at: float
    wrong_tries: int = 0


@dataclass
class UserMemory:
    """About one person.

    ``codes`` by purpose (``sign_up``, ``forgot_password``, or an attribute's name); ``pending`` holds new
    values of attributes until they are verified; ``totp_steps`` the time steps whose code was used.
    """

    codes: dict[str, Code] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    old_passwords: list[str] = field(default_factory=list)
    temporary_until: float | None = None
    totp_secret: str | None = None
    totp_proposed: str | None = None
    totp_steps: set[int] = field(default_factory=set)
    totp_device: str | None = None


@dataclass
class Challenge:
    """A question that a sign-in waits on, bound to its user and client, answered once.

    ``details`` is what the answer needs: the SRP exchange, or the proposed TOTP secret.
    """

    name: str
    username: str
    client_id: str
    expires_at: float
    wrong_tries: int = 0
    details: Any = None


@dataclass
class Grant:
    """One sign-in and every token that came of it; revoking it ends them all."""

    origin_jti: str
    client_id: str
    username: str
    auth_time: int
    scope: str
    expires_at: float
    revoked: bool = False


@dataclass
class RefreshToken:
    """A refresh token of a grant; ``replaced_at`` is set when rotation gave a newer one."""

    grant: Grant
    replaced_at: float | None = None


# Wrong passwords are forgotten after so many quiet seconds.
FORGIVEN_AFTER = 15 * 60


@dataclass
class Lockout:
    """Wrong passwords in a row for one name."""

    failures: int = 0
    locked_until: float = 0.0
    last_failure: float = 0.0


@dataclass
class Authorization:
    """What an authorization code stands for (RFC 6749 section 4.1, RFC 7636); ``grant`` is set once it was used."""

    client_id: str
    username: str
    redirect_uri: str
    scope: str
    expires_at: float
    auth_time: int
    nonce: str | None = None
    code_challenge: str | None = None
    grant: Grant | None = None
    used: bool = False


@dataclass
class BrowserSession:
    """Somebody signed in at the hosted pages; ``key`` is the cookie's value."""

    key: str
    username: str
    auth_time: int
    expires_at: float


@dataclass
class PoolMemory:
    """About one pool."""

    users: dict[str, UserMemory] = field(default_factory=dict)
    challenges: dict[str, Challenge] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    lockouts: dict[str, Lockout] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    browser_sessions: dict[str, BrowserSession] = field(default_factory=dict)

    def forget(self, username: str) -> None:
        """Drop everything about a person; grants stay known as revoked."""
        self.users.pop(username, None)
        self.end_grants_of(username)
        self.end_browser_sessions_of(username)
        self.challenges = {key: c for key, c in self.challenges.items() if c.username != username}

    def end_grants_of(self, username: str) -> None:
        """Revoke every sign-in of a person."""
        for grant in self.grants.values():
            if grant.username == username:
                grant.revoked = True

    def end_browser_sessions_of(self, username: str) -> None:
        """Sign a person out of the hosted pages everywhere."""
        self.browser_sessions = {k: s for k, s in self.browser_sessions.items() if s.username != username}

    def drop_expired(self, now: float) -> None:
        """Keep memory bounded by what is still alive; ``now`` is in seconds since 1970."""
        self.challenges = {key: c for key, c in self.challenges.items() if c.expires_at > now}
        self.authorizations = {key: a for key, a in self.authorizations.items() if a.expires_at > now}
        self.browser_sessions = {key: s for key, s in self.browser_sessions.items() if s.expires_at > now}
        self.refresh_tokens = {key: t for key, t in self.refresh_tokens.items() if t.grant.expires_at > now}
        self.grants = {key: g for key, g in self.grants.items() if g.expires_at > now}
        self.lockouts = {key: x for key, x in self.lockouts.items() if x.last_failure > now - FORGIVEN_AFTER}
