"""Whatever arrives as a token, the answer is claims or a refusal with a code: never a fault, never a wrong yes."""

import json
import string
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tokens.testing import Pool, base64url, encoded
from accounts.tokens.verifier import Claims, TokenError, TokenVerifier
from tests.conftest import Client

CODES = {
    "token_malformed",
    "token_signature_invalid",
    "token_key_unknown",
    "token_wrong_pool",
    "token_wrong_use",
    "token_wrong_client",
    "token_wrong_audience",
    "token_delegated",
    "token_not_yet_valid",
    "token_expired",
}
fuzzed = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def json_values(*, odd: bool) -> st.SearchStrategy[Any]:
    """JSON; with `odd`, also NaN and infinity, which Python writes into it."""
    numbers = st.integers() | st.floats(allow_nan=odd, allow_infinity=odd)
    scalars = st.none() | st.booleans() | numbers | st.text(max_size=20)
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    )


values = json_values(odd=True)
lawful_values = json_values(odd=False)
claims = st.sampled_from(
    ["sub", "iss", "exp", "iat", "nbf", "auth_time", "token_use", "client_id", "aud", "username", "scope", "jti"]
) | st.sampled_from(["cognito:groups", "cognito:username", "email", "origin_jti", "nonce", "name", "act", "acr", "amr"])


def verdict(verifier: TokenVerifier, token: str) -> str | Claims:
    """The claims, or the code of the refusal."""
    try:
        return verifier.verify(token, "access")
    except TokenError as refusal:
        return refusal.code


@fuzzed
@given(text=st.text(max_size=300) | st.text(alphabet=string.ascii_letters + "._-=", max_size=300))
def test_any_text_is_refused_as_malformed(text: str, verifier: TokenVerifier) -> None:
    assert verdict(verifier, text) == "token_malformed"


@fuzzed
@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_any_flipped_bit_makes_a_token_bad(position: int, bit: int, verifier: TokenVerifier, pool: Pool) -> None:
    token = pool.access_token(groups=["ROLE_USER"]).encode()
    place = position % len(token)
    flipped = token[:place] + bytes([token[place] ^ (1 << bit)]) + token[place + 1 :]
    answer = verdict(verifier, flipped.decode("latin-1"))
    assert answer in CODES
    # Whatever the change turned it into, nobody calls a forgery expired.
    assert answer != "token_expired"


@fuzzed
@given(changes=st.dictionaries(claims, values, min_size=1, max_size=4))
def test_any_signed_claims_are_judged(changes: dict[str, Any], verifier: TokenVerifier, pool: Pool) -> None:
    answer = verdict(verifier, pool.sign({**pool.access_claims(), **changes}))
    if isinstance(answer, Claims):
        assert answer.client_id == "web-client"
        assert answer.token_use == "access"
        assert answer.sub
        assert answer.username != ""
        assert all(isinstance(group, str) for group in answer.groups)
        assert answer.act is None
        assert answer.aud in (None, "web-client")
    else:
        assert answer in CODES


@fuzzed
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "zip", "b64"]), lawful_values)
)
def test_any_header_is_judged(header: dict[str, Any], verifier: TokenVerifier, pool: Pool) -> None:
    answer = verdict(verifier, pool.sign(pool.access_claims(), **header))
    algorithm, kid = header.get("alg", "RS256"), header.get("kid", pool.kid)
    assert isinstance(answer, Claims) == (algorithm == "RS256" and kid == pool.kid and "crit" not in header)


@fuzzed
@given(payload=st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
def test_any_signed_bytes_are_judged(payload: bytes, verifier: TokenVerifier, pool: Pool) -> None:
    token = pool.sign({}).split(".")
    assert verdict(verifier, f"{token[0]}.{base64url(payload)}.{token[2]}") in CODES


@fuzzed
@given(header=st.text(max_size=200).filter(lambda text: "\r" not in text and "\n" not in text))
def test_any_authorization_header_is_refused_with_a_problem(header: str, visitor: Client) -> None:
    visitor.credentials(HTTP_AUTHORIZATION=header)
    response = visitor.get("/api/v1/nowhere/")
    assert response.status_code == 401
    assert response.json()["code"] == "token_malformed"
    assert response["WWW-Authenticate"].isascii()


def test_the_refusal_of_a_time_beyond_the_calendar_is_still_a_sentence(verifier: TokenVerifier, pool: Pool) -> None:
    for moment in (-(2**63), -(10**15), 0, 10**18, 1.7e308):
        token = pool.sign({**pool.access_claims(), "exp": moment, "iat": 0})
        assert isinstance(verdict(verifier, token), Claims) == (moment > 2**33)
    assert encoded({}) == "e30"
