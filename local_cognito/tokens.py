"""Signing and verification of the stand-in's tokens; the only importer of ``jwt`` here.

Keys are generated at each start, two per pool as Cognito has them (one signs ID tokens, one access tokens):
no token of this process can look like one of AWS's, nor like one of moto's, whose signing key is public.
"""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local_cognito.errors import not_authorized

Use = Literal["access", "id"]
ACCESS: Use = "access"


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_id(key: rsa.RSAPrivateKey) -> str:
    """A name for a key: the hash of its public half, base64 as Cognito's are."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(public).digest()).decode()


@dataclass(frozen=True)
class Keys:
    """A pool's two signing keys."""

    id: rsa.RSAPrivateKey = field(default_factory=_generate)
    access: rsa.RSAPrivateKey = field(default_factory=_generate)

    def for_use(self, use: Use) -> rsa.RSAPrivateKey:
        """The key that signs tokens of this ``token_use``."""
        return self.access if use == ACCESS else self.id

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Both public keys as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [self._jwk(self.id), self._jwk(self.access)]}

    @staticmethod
    def _jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {
            "alg": "RS256",
            "e": public["e"],
            "kid": key_id(key),
            "kty": "RSA",
            "n": public["n"],
            "use": "sig",
        }


def sign(keys: Keys, use: Use, claims: Mapping[str, Any], *, named: bool = True) -> str:
    """A signed token (RS256, RFC 7519) with these claims, ``token_use`` and, if ``named``, a fresh ``jti``."""
    key = keys.for_use(use)
    payload = {**claims, "token_use": use, **({"jti": str(uuid.uuid4())} if named else {})}
    return jwt.encode(payload, key, algorithm="RS256", headers={"kid": key_id(key), "typ": None})


def read_access_token(token: str, keys_of_issuer: Mapping[str, Keys], now: float) -> dict[str, Any]:
    """The claims of a genuine, unexpired access token of one of these issuers.

    Takes the token, the keys by issuer and the time in seconds since 1970. Raises CognitoError
    (NotAuthorizedException) for anything else; whether it was revoked is not asked here.
    """
    try:
        issuer: Any = jwt.decode(token, options={"verify_signature": False}).get("iss")
        keys = keys_of_issuer[issuer]
        claims = jwt.decode(
            token,
            keys.access.public_key(),
            algorithms=["RS256"],
            issuer=issuer,
            # The stand-in's own clock decides, and access tokens have no audience.
            options={"require": ["exp", "iat", "sub", "token_use"], "verify_exp": False, "verify_iat": False},
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise not_authorized("Invalid Access Token") from error
    if claims["token_use"] != ACCESS:
        raise not_authorized("Invalid Access Token")
    if now >= claims["exp"]:
        raise not_authorized("Access Token has expired")
    return claims


def at_hash(access_token: str) -> str:
    """The left half of the access token's SHA-256, base64url (OpenID Connect Core 3.1.3.6)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def opaque(size: int = 48) -> str:
    """An unguessable value for refresh tokens, sessions and codes: so many random bytes, base64url."""
    return secrets.token_urlsafe(size)
