"""SRP-6a password authentication (RFC 5054) with Cognito's key derivation.

The group is the 3072-bit one of RFC 5054 appendix A; hashes are SHA-256 over numbers in two's complement hex.
What pycognito, Amplify and amazon-cognito-identity-js do on their side is the specification of this one.
"""

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local_cognito.errors import invalid_parameter, wrong_password

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
_INFO = b"Caldera Derived Key"
_OLDEST_TIMESTAMP = timedelta(minutes=5)


def pad(number: int) -> bytes:
    """A number's bytes, with a zero in front when the first bit would make it look negative."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"\0"


def digest(*parts: bytes) -> int:
    """SHA-256 of the parts in a row, as a number."""
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


K = digest(pad(N), pad(G))


def parse(value: str) -> int:
    """A public value from hexadecimal; raises CognitoError (InvalidParameterException) for what is none.

    Zero modulo N would make the key known without the password (RFC 5054 section 2.5.4).
    """
    if not re.fullmatch(r"[0-9a-fA-F]{1,1024}", value) or int(value, 16) % N == 0:
        raise invalid_parameter("SRP_A is not a valid public value")
    return int(value, 16)


def uuid_from(random: bytes) -> str:
    """A version 4 UUID made of these bytes."""
    return str(uuid.UUID(bytes=random[:16], version=4))


@dataclass
class Exchange:
    """The server's side of one exchange. ``user_id`` is USER_ID_FOR_SRP; the salt may be any bytes."""

    pool_id: str
    user_id: str
    password: str
    salt: bytes
    public_a: int
    secret_b: int = field(default_factory=lambda: secrets.randbits(256), repr=False)

    def __post_init__(self) -> None:
        self._pool_name = self.pool_id.partition("_")[2].encode()
        identity = hashlib.sha256(self._pool_name + f"{self.user_id}:{self.password}".encode()).digest()
        x = digest(pad(int.from_bytes(self.salt, "big")), identity)
        self._verifier = pow(G, x, N)
        self.public_b = (K * self._verifier + pow(G, self.secret_b, N)) % N

    @property
    def salt_hex(self) -> str:
        return pad(int.from_bytes(self.salt, "big")).hex()

    @property
    def public_b_hex(self) -> str:
        return f"{self.public_b:x}"

    def key(self) -> bytes:
        """The shared 16 bytes, by HKDF-SHA256 (RFC 5869) over the session key with u as the salt."""
        u = digest(pad(self.public_a), pad(self.public_b))
        if u == 0:
            raise wrong_password()
        session = pow(self.public_a * pow(self._verifier, u, N), self.secret_b, N)
        extracted = hmac.new(pad(u), pad(session), hashlib.sha256).digest()
        return hmac.new(extracted, _INFO + b"\1", hashlib.sha256).digest()[:16]

    def proves(self, secret_block: str, timestamp: str, signature: str, now: datetime) -> bool:
        """Whether the signature proves knowledge of the password and was made just now.

        Takes PASSWORD_CLAIM_SECRET_BLOCK and PASSWORD_CLAIM_SIGNATURE (base64) and TIMESTAMP
        (``Thu Nov 5 07:09:03 UTC 2026``: English names, no zero before the day).
        """
        if not _is_recent(timestamp, now):
            return False
        message = self._pool_name + self.user_id.encode() + base64.b64decode(secret_block) + timestamp.encode()
        expected = base64.b64encode(hmac.new(self.key(), message, hashlib.sha256).digest())
        return hmac.compare_digest(expected, signature.encode())


def _is_recent(timestamp: str, now: datetime) -> bool:
    try:
        made = datetime.strptime(timestamp, "%a %b %d %H:%M:%S UTC %Y").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - made) <= _OLDEST_TIMESTAMP
