"""Good and bad tokens of a made-up user pool, for tests of this project and of others.

    pool = Pool(issuer="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test", client_id="web")
    with accepted(pool):  # the project's verifier takes its keys
        token = pool.access_token(groups=["ROLE_USER"])
    expired = pool.access_token(exp=1)
    anonymous = pool.access_token(sub=ABSENT)

The wheel's pytest plugin gives the same as fixtures: `cognito_pool`, `cognito_token`, `cognito_bad_tokens`. All tokens
have real signatures. Never imported by the server.
"""

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid4, uuid5

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

LIFETIME_SECONDS = 900

ABSENT: Final = object()
"""Value of a claim or header member that is to be omitted."""


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(members: Mapping[str, Any]) -> str:
    """A JSON object as a part of a JWT; members that are ABSENT are omitted."""
    return base64url(json.dumps({name: value for name, value in members.items() if value is not ABSENT}).encode())


def subject(name: str) -> str:
    """The `sub` of a named person: the same at every call."""
    return str(uuid5(NAMESPACE_URL, f"https://people.test/{name}"))


class Pool:
    """User pool for tests: a key, an issuer, and tokens with any claims.

    Attributes that tests may change: `kid`, `key` (an RSA private key of 2,048 bits), `issuer`, `client_id`.
    """

    def __init__(self, issuer: str, client_id: str, kid: str = "test-key") -> None:
        self.issuer = issuer
        self.client_id = client_id
        self.kid = kid
        self.key = new_key(kid)

    def key_set(self, **others: rsa.RSAPrivateKey) -> bytes:
        """The pool's JWK Set (RFC 7517), with further keys by `kid`."""
        keys = {self.kid: self.key, **others}
        return json.dumps({"keys": [jwk(kid, key) for kid, key in keys.items()]}).encode()

    def access_token(self, name: str = "Uma", groups: Sequence[str] = (), **claims: Any) -> str:
        """An access token of a person, as issued by Cognito. `claims` replace the default ones."""
        return self.sign(self.access_claims(name, groups, **claims))

    def id_token(self, name: str = "Uma", groups: Sequence[str] = (), **claims: Any) -> str:
        """An ID token of a person."""
        sub = subject(name)
        own = {
            "token_use": "id",
            "aud": self.client_id,
            "cognito:username": sub,
            "email": f"{name.lower()}@example.com",
            "email_verified": True,
        }
        return self.sign({**self._claims(sub), **_groups(groups), **own, **claims})

    def machine_token(self, *scopes: str, **claims: Any) -> str:
        """An access token of the client credentials grant: no user name, and the client as subject."""
        own = {"token_use": "access", "client_id": self.client_id, "scope": " ".join(scopes)}
        return self.sign({**self._claims(self.client_id), **own, **claims})

    def access_claims(self, name: str = "Uma", groups: Sequence[str] = (), **claims: Any) -> dict[str, Any]:
        """The claims of `access_token`, unsigned."""
        sub = subject(name)
        own = {
            "token_use": "access",
            "client_id": self.client_id,
            "username": sub,
            "scope": "aws.cognito.signin.user.admin",
        }
        return {**self._claims(sub), **_groups(groups), **own, **claims}

    def sign(self, claims: Mapping[str, Any], *, key: rsa.RSAPrivateKey | None = None, **header: Any) -> str:
        """A JWT of `claims`, by this pool's key and RS256 by default. `header` replaces header members."""
        message = f"{encoded({'alg': 'RS256', 'kid': self.kid, **header})}.{encoded(claims)}"
        signature = (key or self.key).sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{message}.{base64url(signature)}"

    def _claims(self, sub: str) -> dict[str, Any]:
        now = int(time.time())
        return {
            "sub": sub,
            "iss": self.issuer,
            "iat": now,
            "auth_time": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": str(uuid4()),
            "origin_jti": str(uuid4()),
        }


@cache
def new_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key for `name`: generated once per process, which takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(kid: str, key: rsa.RSAPrivateKey, **members: Any) -> dict[str, Any]:
    """The public half of `key` as a JWK (RFC 7517 section 4); `members` replace or add."""
    numbers = key.public_key().public_numbers()

    def integer(value: int) -> str:
        return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))

    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": integer(numbers.n),
        "e": integer(numbers.e),
        **members,
    }


def _groups(groups: Sequence[str]) -> dict[str, Any]:
    # Cognito omits the claim for a person without groups.
    return {"cognito:groups": list(groups)} if groups else {}


@contextmanager
def accepted(pool: Pool) -> Iterator[Pool]:
    """Let the verifier of this process fetch its key sets from `pool`, as the fixture `cognito_pool` does.

    `pool` needs an issuer and an app client that the COGNITO_* settings accept.
    """
    from accounts.tokens.verifier import get_verifier

    get_verifier.cache_clear()
    with patch("accounts.tokens.keys.fetch_document", lambda _: pool.key_set()):
        yield pool
    get_verifier.cache_clear()


def bad_tokens(pool: Pool) -> dict[str, str]:
    """Tokens that must be refused, by the `code` of the 401."""
    now = int(time.time())
    stranger = new_key("of another pool")
    return {
        "token_malformed": "not-a-token",
        "token_signature_invalid": pool.sign(pool.access_claims(), key=stranger),
        "token_key_unknown": pool.sign(pool.access_claims(), key=stranger, kid="of-another-pool"),
        "token_wrong_pool": pool.access_token(iss=f"{pool.issuer}-of-somebody-else"),
        "token_wrong_use": pool.id_token(),
        "token_wrong_client": pool.access_token(client_id="of-another-service"),
        "token_not_yet_valid": pool.access_token(iat=now + 3600, nbf=now + 3600, exp=now + 7200),
        "token_expired": pool.access_token(iat=now - 7200, auth_time=now - 7200, exp=now - 3600),
    }
