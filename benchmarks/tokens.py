"""Benchmark of token verification against the bare RSA operation."""

import time
from statistics import median

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.conf import settings

from accounts.tokens.conf import get_config
from accounts.tokens.keys import KeyStore
from accounts.tokens.testing import Pool
from accounts.tokens.verifier import TokenVerifier, parse_key_set
from benchmarks.tables import Table, spread

TOKENS = 300


def verification(pool: Pool, rounds: int) -> Table:
    """CPU of one token in this process, in interleaved rounds; the ratio is of the same round."""
    if not settings.configured:
        settings.configure(COGNITO_ISSUER=pool.issuer, COGNITO_CLIENT_ID=pool.client_id)
    minted = [pool.access_token(f"Reader {number}", ["ROLE_USER"]) for number in range(TOKENS)]
    config = get_config()
    (key,) = parse_key_set(pool.key_set()).values()
    signed = [_signed(pool, number) for number in range(TOKENS)]
    scheme, algorithm = padding.PKCS1v15(), hashes.SHA256()

    def bare() -> None:
        for signature, message in signed:
            key.public_key.verify(signature, message, scheme, algorithm)

    names = ("RSA verification alone", "a token seen first, all checks", "a token seen before, all checks")
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(max(5, rounds)):
        verifier = TokenVerifier(config, KeyStore("", parse_key_set, fetch=lambda _: pool.key_set()))
        verifier.ready()

        def verify(verifier: TokenVerifier = verifier) -> None:
            for token in minted:
                verifier.verify(token, "access")

        # The verifier is new in each round, and remembers what it met in the second of these.
        for name, work in zip(names, (bare, verify, verify), strict=True):
            began = time.process_time()
            work()
            found[name].append((time.process_time() - began) / TOKENS * 1e6)
    table = Table("Verifying an access token (one thread)", ("what", "CPU µs (min-max)", "of RSA alone"))
    for name in names:
        ratios = [value / alone for value, alone in zip(found[name], found[names[0]], strict=True)]
        table.rows.append((name, spread(found[name], 1), f"{median(ratios):.2f}"))
    return table


def _signed(pool: Pool, number: int) -> tuple[bytes, bytes]:
    message = b"%d" % number * 150  # about as long as what a token signs
    return pool.key.sign(message, padding.PKCS1v15(), hashes.SHA256()), message
