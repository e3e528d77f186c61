"""Verification of the JSON Web Tokens of one user pool. The only importer of `jwt`.

Checks run in this order: format, algorithm, issuer, key, signature, then the other claims. So a token of another issuer
never causes a key fetch, and a forged one is never reported as expired.

Sources: RFC 7519 (JWT), RFC 7515 (JWS), RFC 8725 (best practice), RFC 8693 (`act`), and AWS's pages "Verifying JSON web
tokens" and "Resource binding" of the Cognito developer guide. Cognito's access tokens name their app client in
`client_id`, and in `aud` the resource they are bound to, if any; its ID tokens name the app client in `aud`.
"""

import binascii
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.core.signals import setting_changed
from django.dispatch import receiver
from jwt.algorithms import RSAAlgorithm

from accounts.tokens.conf import CognitoConfig, TokenUse, get_config
from accounts.tokens.keys import KeyStore

MAX_TOKEN_BYTES = 16 * 1024  # a token with 100 groups, the limit of AWS, has 12 kB
MAX_IDENTIFIER = 255  # characters, as in database columns: `sub`, `username`, `origin_jti`, the `sub` of an actor
MAX_EMAIL = 320  # characters, likewise
MIN_KEY_BITS = 2048  # RFC 7518 section 3.3
CACHED_TOKENS = 8192

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)


class TokenError(Exception):
    """Refusal of a token. `code` is stable, `detail` is a sentence; neither quotes the token."""

    code: ClassVar[str] = "token_malformed"
    sentence: ClassVar[str] = "The token is not a well-formed JWT of Amazon Cognito."

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.sentence
        super().__init__(self.detail)


class TokenMalformed(TokenError):
    """Not three strict base64url parts of JSON objects with the claims we need, in the types we need."""


class TokenTooLarge(TokenMalformed):
    """More than MAX_TOKEN_BYTES. Tokens of Cognito are that large only with very many groups."""

    sentence = f"The token is larger than {MAX_TOKEN_BYTES // 1024} KiB."


class TokenSignatureInvalid(TokenError):
    """The signature or the algorithm is wrong, or the key is too short to trust."""

    code = "token_signature_invalid"
    sentence = "The signature of the token is not valid: only RS256 by a key of the user pool is accepted."


class TokenKeyUnknown(TokenError):
    """The `kid` is missing, or no key of the pool."""

    code = "token_key_unknown"
    sentence = "The token names no key that the user pool publishes."


class TokenWrongPool(TokenError):
    """The issuer is missing, or not the pool of this service."""

    code = "token_wrong_pool"
    sentence = "The token was not issued by the user pool of this service."


class TokenWrongUse(TokenError):
    """An ID token where an access token is required, or the reverse."""

    code = "token_wrong_use"
    sentence = "This kind of token is not accepted here."


class TokenWrongClient(TokenError):
    """Issued to an app client that is not accepted."""

    code = "token_wrong_client"
    sentence = "The token was issued to an app client that this service does not accept."


class TokenWrongAudience(TokenError):
    """An access token bound to another resource, or to none where one is required."""

    code = "token_wrong_audience"
    sentence = "The token was issued for another service: its audience does not name this API."


class TokenDelegated(TokenError):
    """A delegated token (`act`, RFC 8693 section 4.1) where none is accepted."""

    code = "token_delegated"
    sentence = "A token that was delegated to somebody else is not accepted here."


class TokenNotYetValid(TokenError):
    """`nbf` or `iat` is in the future by more than the leeway."""

    code = "token_not_yet_valid"
    sentence = "The token is not valid yet: check the clock of the client and of this service."


class TokenExpired(TokenError):
    """Past its `exp`, or older than the maximum age. Raised only when all other checks have passed."""

    code = "token_expired"
    sentence = "The token has expired."

    def __init__(self, detail: str, claims: "Claims") -> None:
        super().__init__(detail)
        self.claims = claims


class Claims(NamedTuple):
    """Claims of a verified token. Created by `TokenVerifier` only; times are Unix seconds.

    `token_use` is `access` or `id`, and empty for any other value; `username` is None for a machine (client credentials
    grant); `client_id` is the app client of either kind of token; `origin_jti` names the sign-in that the token
    descends from. `aud` is a string, or the strings of a list, none when the claim is neither. `act` is the `sub` of
    the actor (RFC 8693), empty when the claim has none. `acr` and `amr` are the level and the methods of the
    sign-in (RFC 8176).

    Claims that no decision depends on are None when they have another type.
    """

    sub: str
    token_use: str
    client_id: str
    username: str | None
    email: str | None
    email_verified: bool
    name: str | None
    groups: tuple[str, ...]
    scopes: frozenset[str]
    issued_at: float
    not_before: float | None
    expires_at: float
    auth_time: float | None
    jti: str | None
    origin_jti: str | None
    nonce: str | None
    aud: str | tuple[str, ...] | None
    act: str | None
    acr: str | None
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """One public RSA key of the pool. Equal when the key itself is equal."""

    kid: str
    modulus: int
    exponent: int
    public_key: RSAPublicKey = field(compare=False, repr=False)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's RS256 signature of `message`; never for a short key."""
        return self.public_key.key_size >= MIN_KEY_BITS and _RS256.verify(message, self.public_key, signature)


def parse_key_set(document: bytes) -> Mapping[str, VerifyingKey]:
    """The RSA signing keys of a JWK Set (RFC 7517) by `kid`; others are skipped. Raises ValueError for none."""
    try:
        members = orjson.loads(document)["keys"]
        keys = dict(_verifying_keys(members))
    except (TypeError, KeyError) as error:
        raise ValueError("Not a JWK Set.") from error
    if not keys:
        raise ValueError("The JWK Set has no RSA signing key.")
    return keys


def _verifying_keys(members: list[Any]) -> Iterator[tuple[str, VerifyingKey]]:
    for member in members:
        if not isinstance(member, dict) or not _is_for_signatures(member):
            continue
        try:
            public_key = RSAAlgorithm.from_jwk(member)
        except (jwt.InvalidKeyError, ValueError, TypeError, ArithmeticError):
            # PyJWT takes the types of `n` and `e` on trust. One bad member costs no other.
            continue
        if isinstance(public_key, RSAPublicKey):
            numbers = public_key.public_numbers()
            yield member["kid"], VerifyingKey(member["kid"], numbers.n, numbers.e, public_key)


def _is_for_signatures(member: Mapping[str, Any]) -> bool:
    named = isinstance(member.get("kid"), str)
    rsa = member.get("kty") == "RSA"
    return named and rsa and member.get("use", "sig") == "sig" and member.get("alg", "RS256") == "RS256"


class TokenVerifier:
    """Verifier of the tokens of one user pool. Its only calls to Cognito fetch the public keys.

    `keys` is the key store of each issuer that `config` accepts, or one for all of them.

    Verified signatures are cached (by the SHA-256 of the token, at most CACHED_TOKENS). Times, clients, use and the
    presence of the key in the pool's set may change and are checked at every call.
    """

    def __init__(
        self,
        config: CognitoConfig,
        keys: KeyStore[VerifyingKey] | Mapping[str, KeyStore[VerifyingKey]],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = dict.fromkeys(config.issuers, keys) if isinstance(keys, KeyStore) else keys
        self._config = config
        self._now = now
        self._cache = _TokenCache(CACHED_TOKENS)

    def ready(self) -> bool:
        """Whether the keys of an issuer are cached. If not, fetches them, unless in the cool-down."""
        return any(keys.ready() for keys in self._keys.values())

    def verify(self, token: str, use: TokenUse) -> Claims:
        """Verify `token` as an access token, an ID token or either, by `use`, and return its claims.

        Raises TokenError when it is refused, KeysUnavailable when it cannot be verified now.
        """
        try:
            encoded = token.encode("ascii")
        except UnicodeEncodeError:
            raise TokenMalformed from None
        digest = sha256(encoded).digest()
        known = self._cache.get(digest)
        if known is not None and known.keys.get(known.key.kid) is known.key:
            claims = known.claims
        else:
            known = self._check_signature(encoded)
            claims = known.claims
            self._cache.add(digest, known)
        self._check_claims(claims, use)
        return claims

    def _check_signature(self, token: bytes) -> "_VerifiedToken":
        """Check format, algorithm, issuer, key and signature; the result does not change and is cached."""
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenTooLarge
        parts = token.split(b".")
        if len(parts) != 3:
            raise TokenMalformed
        header = _json_object(parts[0])
        payload = _json_object(parts[1])
        signature = _base64url(parts[2])
        algorithm = _optional(header, "alg", str)
        kid = _optional(header, "kid", str)
        if "crit" in header:
            # RFC 7515 section 4.1.11: an extension that is not understood makes the token invalid.
            raise TokenMalformed("The token uses a critical header extension, which is not supported.")
        issuer = _optional(payload, "iss", str)
        claims = _read_claims(payload)

        if algorithm != "RS256":
            raise TokenSignatureInvalid
        keys = None if issuer is None else self._keys.get(issuer)
        if keys is None:
            raise TokenWrongPool
        key = None if kid is None else keys.get(kid)
        if key is None:
            raise TokenKeyUnknown
        if not key.signed(token[: -len(parts[2]) - 1], signature):
            raise TokenSignatureInvalid
        return _VerifiedToken(claims, key, keys)

    def _check_claims(self, claims: Claims, use: TokenUse) -> None:
        """Check what may change between calls. Expiry is last: an expired token has passed all other checks."""
        config = self._config
        if claims.token_use != use and not (use == "any" and claims.token_use):
            raise TokenWrongUse(_USE_SENTENCES.get(use))
        if claims.client_id not in config.client_ids:
            raise TokenWrongClient
        if (claims.aud is not None or config.require_audience) and claims.token_use == "access":  # noqa: S105
            self._check_audience(claims)
        if claims.act is not None:
            self._check_actor(claims.act)
        now = self._now()
        soon = now + config.leeway_seconds
        if claims.issued_at > soon or (claims.not_before is not None and claims.not_before > soon):
            raise TokenNotYetValid
        if now >= claims.expires_at + config.leeway_seconds:
            raise TokenExpired(f"The token expired at {_isoformat(claims.expires_at)}.", claims)
        oldest = config.max_token_age_seconds
        if oldest is not None and now > claims.issued_at + oldest + config.leeway_seconds:
            sentence = f"The token was issued at {_isoformat(claims.issued_at)}, which is too long ago."
            raise TokenExpired(sentence, claims)

    def _check_audience(self, claims: Claims) -> None:
        """Require that an access token bound to a resource is bound to this API.

        An `aud` equal to the app client means no binding: a pre token generation trigger may set it.
        """
        aud, config = claims.aud, self._config
        named = (aud,) if isinstance(aud, str) else aud or ()
        if config.resource_identifiers.isdisjoint(named) and (config.require_audience or aud != claims.client_id):
            raise TokenWrongAudience

    def _check_actor(self, act: str) -> None:
        if self._config.delegated_tokens != "accept":
            raise TokenDelegated
        if not act:
            raise TokenMalformed("`act` does not name the actor by a `sub`.")


_USE_SENTENCES: Mapping[str, str] = {
    "access": "An access token is needed here, not an ID token.",
    "id": "An ID token is needed here, not an access token.",
}


@cache
def get_verifier() -> TokenVerifier:
    """The verifier of this process, created at first use (so after the fork of the workers)."""
    config = get_config()
    urls = {issuer: config.jwks_url_of(issuer) for issuer in config.issuers}
    stores = {url: KeyStore(url, parse_key_set) for url in urls.values()}
    return TokenVerifier(config, {issuer: stores[url] for issuer, url in urls.items()})


@receiver(setting_changed)
def _forget_verifier(*, setting: str, **_: object) -> None:
    if setting.startswith("COGNITO_"):
        get_verifier.cache_clear()


class _VerifiedToken(NamedTuple):
    """Cache entry of a verified token: its claims, its key, and the key store of its issuer."""

    claims: Claims
    key: VerifyingKey
    keys: KeyStore[VerifyingKey]


class _TokenCache:
    """Bounded cache of two generations: when the young one is full, it replaces the old one; used entries stay.

    Needs no lock: each step is atomic in CPython, and a lost entry costs one verification.
    """

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._young: dict[bytes, _VerifiedToken] = {}
        self._old: dict[bytes, _VerifiedToken] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, digest: bytes) -> _VerifiedToken | None:
        entry = self._young.get(digest)
        if entry is None:
            entry = self._old.get(digest)
            if entry is not None:
                self.add(digest, entry)
        return entry

    def add(self, digest: bytes, entry: _VerifiedToken) -> None:
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[digest] = entry


# RFC 4648 section 5 to section 4; padding and the characters of section 4 become invalid ones.
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")


def _base64url(part: bytes) -> bytes:
    """Decode strictly: no padding (RFC 7515 section 2), no other characters, no non-zero trailing bits.

    So each part has exactly one valid encoding.
    """
    standard = part.translate(_STANDARD) + b"=" * (-len(part) % 4)
    try:
        decoded = binascii.a2b_base64(standard, strict_mode=True)
    except binascii.Error:
        raise TokenMalformed from None
    # Only the last character of an incomplete group has unused bits.
    rest = len(decoded) % 3
    if rest and binascii.b2a_base64(decoded[-rest:], newline=False) != standard[-4:]:
        raise TokenMalformed
    return decoded


def _json_object(part: bytes) -> dict[str, Any]:
    """A JSON object of strict JSON (no NaN, valid UTF-8, bounded nesting: orjson refuses the rest)."""
    try:
        value = orjson.loads(_base64url(part))
    except orjson.JSONDecodeError:
        raise TokenMalformed from None
    if type(value) is not dict:
        raise TokenMalformed
    return value


def _optional(members: Mapping[str, Any], name: str, kind: type) -> Any:
    """The member `name`, or None when absent. Raises TokenMalformed when present with another type."""
    value = members.get(name)
    if type(value) is kind or (value is None and name not in members):
        return value
    raise TokenMalformed(f"`{name}` has the wrong type.")


def _numeric_date(payload: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2), or None when absent. Booleans are not numbers here."""
    value = payload.get(name)
    if type(value) is int or type(value) is float or (value is None and name not in payload):
        return value
    raise TokenMalformed(f"`{name}` is not a number of seconds.")


def _required(value: Any, name: str) -> Any:
    if value is None or value == "":
        raise TokenMalformed(f"`{name}` is missing.")
    return value


def _identifier(payload: Mapping[str, Any], name: str) -> str | None:
    """A string for a database column, or None when absent.

    Raises TokenMalformed for a longer one, and for NUL, which PostgreSQL does not store.
    """
    value: str | None = _optional(payload, name, str)
    if value is not None and not _fits_column(value, MAX_IDENTIFIER):
        raise TokenMalformed(f"`{name}` is longer than {MAX_IDENTIFIER} characters, or holds NUL.")
    return value


def _fits_column(value: str, length: int) -> bool:
    return len(value) <= length and "\0" not in value


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    """A string that no decision depends on: None for any other type."""
    value = payload.get(name)
    return value if type(value) is str else None


def _strings(value: Any) -> tuple[str, ...]:
    """A list of strings as a tuple; empty for anything else."""
    return tuple(value) if type(value) is list and all(type(member) is str for member in value) else ()


def _read_claims(payload: Mapping[str, Any]) -> Claims:
    """Parse the claims and check their types, before the signature is verified."""
    use = _optional(payload, "token_use", str)
    is_id = use == "id"
    username = _identifier(payload, "cognito:username" if is_id else "username")
    if username == "":
        raise TokenMalformed("`username` is empty.")
    sub: str = _required(_identifier(payload, "sub"), "sub")
    # ID tokens are issued to people only; the subject replaces a missing user name.
    username = username or (sub if is_id else None)
    email = _text(payload, "email")
    auth_time = payload.get("auth_time")
    aud = payload.get("aud")
    return Claims(
        sub=sub,
        token_use=use if use in ("access", "id") else "",
        client_id=_client_of(payload, is_id),
        username=username,
        email=email if email is None or _fits_column(email, MAX_EMAIL) else None,
        email_verified=payload.get("email_verified") is True,
        name=_text(payload, "name"),
        # A machine's roles come from its scopes.
        groups=() if username is None else _groups(payload),
        scopes=frozenset((_optional(payload, "scope", str) or "").split()),
        issued_at=_required(_numeric_date(payload, "iat"), "iat"),
        not_before=_numeric_date(payload, "nbf"),
        expires_at=_required(_numeric_date(payload, "exp"), "exp"),
        auth_time=auth_time if type(auth_time) in (int, float) else None,
        jti=_text(payload, "jti"),
        origin_jti=_identifier(payload, "origin_jti"),
        nonce=_text(payload, "nonce"),
        aud=(aud if type(aud) is str else _strings(aud)) if "aud" in payload else None,
        act=_actor_of(payload["act"]) if "act" in payload else None,
        acr=_text(payload, "acr"),
        amr=_strings(payload.get("amr")),
    )


def _groups(payload: Mapping[str, Any]) -> tuple[str, ...]:
    groups = _optional(payload, "cognito:groups", list)
    if groups and not all(type(group) is str for group in groups):
        raise TokenMalformed("`cognito:groups` is not a list of strings.")
    return tuple(groups or ())


def _actor_of(act: Any) -> str:
    """The `sub` of an `act` claim: the current actor. Nested ones are earlier actors (RFC 8693 section 4.1)."""
    sub = act.get("sub") if type(act) is dict else None
    return sub if type(sub) is str and _fits_column(sub, MAX_IDENTIFIER) else ""


def _client_of(payload: Mapping[str, Any], is_id: bool) -> str:
    """The app client: `client_id` of an access token, `aud` of an ID token."""
    if is_id and type(payload.get("aud")) is list:
        # Allowed by RFC 7519 section 4.1.3, but Cognito issues one audience: refused as an unknown client.
        return ""
    return _optional(payload, "aud" if is_id else "client_id", str) or ""


def _isoformat(seconds: float) -> str:
    """Unix seconds as ISO 8601 in UTC, or a phrase if out of range."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "a time far away"
