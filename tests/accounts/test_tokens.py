"""Which tokens pass, and what each other one is called: RFC 8725, and what others let through."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from pytest_django.fixtures import Settings

from accounts.tokens.conf import get_config
from accounts.tokens.keys import KeyStore
from accounts.tokens.testing import ABSENT, Pool, base64url, encoded, jwk, new_key, subject
from accounts.tokens.verifier import (
    MAX_TOKEN_BYTES,
    TokenError,
    TokenVerifier,
    VerifyingKey,
    get_verifier,
    parse_key_set,
)

NOW = int(time.time())
Make = Callable[[Pool], str]


def access(**claims: Any) -> Make:
    """An access token with some claims bent."""
    return lambda pool: pool.access_token(**claims)


def headed(**header: Any) -> Make:
    """A good payload under a bent header."""
    return lambda pool: pool.sign(pool.access_claims(), **header)


def raw(payload: bytes) -> Make:
    """A rightly signed token whose payload is these very bytes."""

    def make(pool: Pool) -> str:
        message = f"{encoded({'alg': 'RS256', 'kid': pool.kid})}.{base64url(payload)}"
        signature = pool.key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{message}.{base64url(signature)}"

    return make


def reworked(change: Callable[[list[str]], list[str]]) -> Make:
    """A good token whose three parts are then changed."""
    return lambda pool: ".".join(change(pool.access_token().split(".")))


def tampered(pool: Pool) -> str:
    header, _, signature = pool.access_token().split(".")
    return f"{header}.{encoded(pool.access_claims(groups=['ROLE_ADMIN']))}.{signature}"


def unsigned(pool: Pool) -> str:
    return f"{encoded({'alg': 'none', 'kid': pool.kid})}.{encoded(pool.access_claims())}."


def hmac_with_the_public_key(pool: Pool) -> str:
    public = pool.key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    message = f"{encoded({'alg': 'HS256', 'kid': pool.kid})}.{encoded(pool.access_claims())}"
    return f"{message}.{base64url(hmac.new(pem, message.encode(), hashlib.sha256).digest())}"


def by_algorithm(name: str) -> Make:
    """Signed by the pool's own key, with another algorithm for it."""
    return lambda pool: jwt.encode(pool.access_claims(), pool.key, algorithm=name, headers={"kid": pool.kid})


def id_token(**claims: Any) -> Make:
    """An ID token."""
    return lambda pool: pool.id_token(**claims)


def stray_bits(pool: Pool) -> str:
    """The last character of an RS256 signature carries four bits that mean nothing: change them."""
    token = pool.access_token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


REFUSED: dict[str, tuple[str, Make]] = {
    # Not a token at all
    "nothing": ("token_malformed", lambda _: ""),
    "a word": ("token_malformed", lambda _: "hello"),
    "two parts": ("token_malformed", reworked(lambda parts: parts[:2])),
    "four parts": ("token_malformed", reworked(lambda parts: [*parts, "x"])),
    "an encrypted token's five parts": ("token_malformed", reworked(lambda parts: [*parts, "x", "x"])),
    "padding": ("token_malformed", reworked(lambda parts: [parts[0] + "=", *parts[1:]])),
    "standard base64": ("token_malformed", reworked(lambda parts: [parts[0], parts[1], "+/" + parts[2][2:]])),
    "a line break at the end": ("token_malformed", lambda pool: pool.access_token() + "\n"),
    "a blank inside": ("token_malformed", reworked(lambda parts: [parts[0], " " + parts[1], parts[2]])),
    "letters beyond ASCII": ("token_malformed", reworked(lambda parts: [parts[0], parts[1], "é" + parts[2]])),
    "stray bits": ("token_malformed", stray_bits),
    "an impossible length of base64": ("token_malformed", reworked(lambda parts: ["A" * 5, *parts[1:]])),
    "a header that is not JSON": ("token_malformed", reworked(lambda parts: [base64url(b"{"), *parts[1:]])),
    "a header that is a list": ("token_malformed", reworked(lambda parts: [base64url(b"[]"), *parts[1:]])),
    "a payload that is not JSON": ("token_malformed", raw(b"not json")),
    "a payload that is not UTF-8": ("token_malformed", raw(b'{"sub": "\xff"}')),
    "a payload with half a surrogate pair": ("token_malformed", raw(b'{"sub": "\\ud800"}')),
    "a payload that is a string": ("token_malformed", raw(b'"sub"')),
    "a payload that is null": ("token_malformed", raw(b"null")),
    "NaN as a time": ("token_malformed", raw(b'{"exp": NaN}')),
    "a time beyond all numbers": ("token_malformed", raw(b'{"exp": 1e999}')),
    "nesting without end": ("token_malformed", raw(b"[" * 3000 + b"]" * 3000)),
    "more than 16 KiB": ("token_malformed", access(padding="x" * MAX_TOKEN_BYTES)),
    "a sub that no column holds": ("token_malformed", access(sub="u" * 256)),
    "a sub with NUL": ("token_malformed", access(sub="u\0ma")),
    "a user name that no column holds": ("token_malformed", access(username="u" * 256)),
    "a user name with NUL": ("token_malformed", access(username="\0")),
    "an origin_jti that no column holds": ("token_malformed", access(origin_jti="x" * 256)),
    "an origin_jti that is a number": ("token_malformed", access(origin_jti=1)),
    "a critical extension": ("token_malformed", headed(crit=["exp"])),
    # Claims that are absent or of the wrong type
    "no exp": ("token_malformed", access(exp=ABSENT)),
    "no iat": ("token_malformed", access(iat=ABSENT)),
    "no sub": ("token_malformed", access(sub=ABSENT)),
    "an empty sub": ("token_malformed", access(sub="")),
    "an empty user name": ("token_malformed", access(username="")),
    "exp as text": ("token_malformed", access(exp=str(NOW + 86400))),
    "exp as a boolean": ("token_malformed", access(exp=True)),
    "exp as null": ("token_malformed", access(exp=None)),
    "iat as a list": ("token_malformed", access(iat=[NOW])),
    "nbf as text": ("token_malformed", access(nbf="now")),
    "sub as a number": ("token_malformed", access(sub=7)),
    "iss as a list": ("token_malformed", access(iss=["x"])),
    "token_use as a list": ("token_malformed", access(token_use=["access"])),
    "client_id as a list": ("token_malformed", access(client_id=["web-client"])),
    "scope as a list": ("token_malformed", access(scope=["books/admin"])),
    "groups as text": (
        "token_malformed",
        lambda pool: pool.sign(pool.access_claims() | {"cognito:groups": "ROLE_ADMIN"}),
    ),
    "groups of numbers": ("token_malformed", access(**{"cognito:groups": [1]})),
    "kid as a number": ("token_malformed", headed(kid=5)),
    "alg as null": ("token_malformed", headed(alg=None)),
    # Signature and algorithm (RFC 8725 sections 2.1 and 3.1)
    "a tampered payload": ("token_signature_invalid", tampered),
    "alg none": ("token_signature_invalid", unsigned),
    "alg None": ("token_signature_invalid", headed(alg="None")),
    "no alg": ("token_signature_invalid", headed(alg=ABSENT)),
    "HS256 with the public key as secret": ("token_signature_invalid", hmac_with_the_public_key),
    "RS384": ("token_signature_invalid", by_algorithm("RS384")),
    "RS512": ("token_signature_invalid", by_algorithm("RS512")),
    "PS256": ("token_signature_invalid", by_algorithm("PS256")),
    "a stranger's key under the pool's kid": (
        "token_signature_invalid",
        lambda pool: pool.sign(pool.access_claims(), key=new_key("stranger")),
    ),
    "an empty signature": ("token_signature_invalid", reworked(lambda parts: [*parts[:2], ""])),
    "a key that came with the token": (
        "token_signature_invalid",
        lambda pool: pool.sign(pool.access_claims(), key=new_key("stranger"), jwk=jwk(pool.kid, new_key("stranger"))),
    ),
    "a forged token that has also expired": (
        "token_signature_invalid",
        lambda pool: pool.sign(pool.access_claims(exp=1), key=new_key("stranger")),
    ),
    # Key
    "no kid": ("token_key_unknown", headed(kid=ABSENT)),
    "an unknown kid": ("token_key_unknown", headed(kid="nobody")),
    # Issuer
    "another pool": ("token_wrong_pool", access(iss="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other")),
    "no issuer": ("token_wrong_pool", access(iss=ABSENT)),
    "an issuer with a slash too many": (
        "token_wrong_pool",
        access(iss="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Books0001/"),
    ),
    # Use and client
    "an ID token where an access token belongs": ("token_wrong_use", id_token()),
    "no token_use": ("token_wrong_use", access(token_use=ABSENT)),
    "an unknown token_use": ("token_wrong_use", access(token_use="refresh")),
    "a token_use of any": ("token_wrong_use", access(token_use="any")),
    "another app client": ("token_wrong_client", access(client_id="somebody-else")),
    "no client_id": ("token_wrong_client", access(client_id=ABSENT)),
    "no client_id, but an audience": ("token_wrong_client", access(client_id=ABSENT, aud="web-client")),
    # Audience (contract, section 3) and actor (RFC 8693 section 4.1)
    "bound to another service": ("token_wrong_audience", access(aud="https://elsewhere.example.com")),
    "bound to several services": ("token_wrong_audience", access(aud=["https://elsewhere.example.com", "other"])),
    "bound to another of our app clients": ("token_wrong_audience", access(aud="spa-client")),
    "an audience that is a list of its own client": ("token_wrong_audience", access(aud=["web-client"])),
    "an audience of nothing": ("token_wrong_audience", access(aud=[])),
    "an empty audience": ("token_wrong_audience", access(aud="")),
    "an audience that is null": ("token_wrong_audience", access(aud=None)),
    "an audience that is a number": ("token_wrong_audience", access(aud=7)),
    "an audience of an object": ("token_wrong_audience", access(aud={"web-client": 1})),
    "a machine's that is bound to another service": (
        "token_wrong_audience",
        lambda pool: pool.machine_token("books/admin", aud="https://elsewhere.example.com"),
    ),
    "bound to another service, and expired": ("token_wrong_audience", access(aud="other", exp=NOW - 60)),
    "delegated": ("token_delegated", access(act={"sub": "agent-7"})),
    "delegated to nobody in particular": ("token_delegated", access(act={})),
    "delegated by a claim of another type": ("token_delegated", access(act="agent-7")),
    "delegated by null": ("token_delegated", access(act=None)),
    "delegated and expired": ("token_delegated", access(act={"sub": "agent-7"}, exp=NOW - 60)),
    # Time
    "expired": ("token_expired", access(exp=NOW - 60)),
    "expired long before there were computers": ("token_expired", access(exp=-(2**62))),
    "not valid before tomorrow": ("token_not_yet_valid", access(nbf=NOW + 86400)),
    "issued tomorrow": ("token_not_yet_valid", access(iat=NOW + 86400, exp=NOW + 90000)),
}


@pytest.mark.parametrize("code, make", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_is_refused_with_its_code(code: str, make: Make, pool: Pool, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenError) as refusal:
        verifier.verify(make(pool), "access")
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


@pytest.mark.parametrize("code, make", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_stays_bad_when_it_comes_again(code: str, make: Make, pool: Pool, verifier: TokenVerifier) -> None:
    token = make(pool)
    codes = []
    for _ in range(3):
        with pytest.raises(TokenError) as refusal:
            verifier.verify(token, "access")
        codes.append(refusal.value.code)
    assert codes == [code] * 3


ACCEPTED: dict[str, Make] = {
    "a plain one": access(),
    "with groups": access(groups=["ROLE_USER"]),
    "with its own app client as audience": access(aud="web-client"),
    "issued before 1970": access(iat=-5),
    "with names of other types": lambda pool: pool.sign(pool.access_claims() | {"name": {}, "email": [1]}),
    "with an e-mail address that no column holds": access(email="x" * 321),
    "with other claims of other types": access(jti=7, nonce=[], auth_time="now", acr=4, amr="pwd", email_verified="?"),
    "with claims nobody knows": access(event_id="1", version=2, device_key="x", custom={"deep": [1]}),
    "with a fraction of a second": access(exp=NOW + 86400.5),
    "of the second app client": access(client_id="spa-client"),
    "expired a moment ago, within the leeway": lambda pool: pool.access_token(exp=time.time() - 2),
    "of a clock a little ahead": lambda pool: pool.access_token(iat=time.time() + 5, nbf=time.time() + 5),
    "with a header nobody asked for": headed(
        typ="JWT", jku="https://evil.example.com/keys", x5u="https://evil.example.com"
    ),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_token_gives_its_claims_every_time(make: Make, pool: Pool, verifier: TokenVerifier) -> None:
    token = make(pool)
    first, second = verifier.verify(token, "access"), verifier.verify(token, "access")
    assert first == second
    assert first.sub == subject("Uma")


@pytest.mark.parametrize(
    "audience",
    [
        "https://books.example.com",
        "books-api",
        ["https://books.example.com"],
        ["https://elsewhere.example.com", "books-api"],
    ],
)
def test_a_token_that_is_bound_to_this_api_passes(audience: Any, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_RESOURCE_IDENTIFIERS = ["https://books.example.com", "books-api"]
    claims = get_verifier().verify(pool.access_token(aud=audience), "access")
    assert claims.aud == (audience if isinstance(audience, str) else tuple(audience))


@pytest.mark.parametrize("audience", ["https://books.example.com/", "Books-API", ["books-api", 7], ["https://books"]])
def test_an_audience_is_compared_as_a_whole(audience: Any, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_RESOURCE_IDENTIFIERS = ["https://books.example.com", "books-api"]
    with pytest.raises(TokenError) as refusal:
        get_verifier().verify(pool.access_token(aud=audience), "access")
    assert refusal.value.code == "token_wrong_audience"


@pytest.mark.parametrize("audience", [ABSENT, "web-client", "https://elsewhere.example.com"])
def test_an_audience_may_be_required(audience: Any, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_RESOURCE_IDENTIFIERS = ["https://books.example.com"]
    settings.COGNITO_REQUIRE_AUDIENCE = True
    verifier = get_verifier()
    assert verifier.verify(pool.access_token(aud="https://books.example.com"), "access")
    assert verifier.verify(pool.id_token(), "id")  # whose audience is the app client
    with pytest.raises(TokenError) as refusal:
        verifier.verify(pool.access_token(aud=audience), "access")
    assert refusal.value.code == "token_wrong_audience"


def test_an_actor_is_told_where_delegated_tokens_are_accepted(pool: Pool, settings: Settings) -> None:
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    verifier = get_verifier()
    nested = {"sub": "agent-7", "act": {"sub": "agent-6"}}
    assert verifier.verify(pool.access_token(act=nested), "access").act == "agent-7"
    assert verifier.verify(pool.id_token(act=nested), "id").act == "agent-7"
    assert verifier.verify(pool.access_token(), "access").act is None


@pytest.mark.parametrize("act", ["agent-7", {}, [], None, {"sub": 7}, {"sub": ""}, {"sub": "a" * 256}, {"sub": "a\0"}])
def test_an_actor_without_a_name_is_refused_everywhere(act: Any, pool: Pool, settings: Settings) -> None:
    settings.COGNITO_DELEGATED_TOKENS = "accept"
    with pytest.raises(TokenError) as refusal:
        get_verifier().verify(pool.access_token(act=act), "access")
    assert refusal.value.code == "token_malformed"


def test_a_delegated_id_token_is_refused_like_an_access_token(pool: Pool, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenError) as refusal:
        verifier.verify(pool.id_token(act={"sub": "agent-7"}), "id")
    assert refusal.value.code == "token_delegated"


def test_claims_that_decide_nothing_are_none_in_another_type(pool: Pool, verifier: TokenVerifier) -> None:
    odd = {"name": {}, "email": 5, "jti": 1, "nonce": [], "auth_time": True, "acr": 4, "amr": ["pwd", 1]}
    claims = verifier.verify(pool.sign(pool.access_claims() | odd), "access")
    assert (claims.name, claims.email, claims.jti, claims.nonce) == (None, None, None, None)
    assert (claims.auth_time, claims.acr, claims.amr) == (None, None, ())


def test_how_somebody_signed_in_is_told(pool: Pool, verifier: TokenVerifier) -> None:
    claims = verifier.verify(pool.access_token(acr="urn:cognito:loa:4", amr=["pwd", "otp", "mfa"]), "access")
    assert (claims.acr, claims.amr) == ("urn:cognito:loa:4", ("pwd", "otp", "mfa"))


def test_the_groups_of_a_machine_are_ignored_whatever_they_are(pool: Pool, verifier: TokenVerifier) -> None:
    assert verifier.verify(pool.machine_token("books/read", **{"cognito:groups": "ROLE_ADMIN"}), "access").groups == ()


def test_a_token_of_somebody_in_a_hundred_groups_passes(pool: Pool, verifier: TokenVerifier) -> None:
    groups = [f"{number:03}-{'g' * 84}" for number in range(100)]
    token = pool.access_token("Uma", groups)
    assert 12_000 < len(token) <= MAX_TOKEN_BYTES
    assert verifier.verify(token, "access").groups == tuple(groups)


def test_a_literal_any_is_no_kind_of_token(pool: Pool, verifier: TokenVerifier) -> None:
    for make in (pool.access_token, pool.id_token):
        with pytest.raises(TokenError) as refusal:
            verifier.verify(make(token_use="any"), "any")
        assert refusal.value.code == "token_wrong_use"


def test_both_forms_of_the_issuer_pass_each_with_its_own_keys(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COGNITO_ISSUER = ""
    updated = Pool(pool.issuer.replace("cognito-idp", "issuer-cognito-idp", 1), pool.client_id, "updated-key")
    documents = {f"{each.issuer}/.well-known/jwks.json": each.key_set() for each in (pool, updated)}
    fetched = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return documents[url]

    monkeypatch.setattr("accounts.tokens.keys.fetch_document", fetch)
    verifier = get_verifier()
    for each in (pool, updated):
        for _ in range(2):
            assert verifier.verify(each.access_token(), "access").sub == subject("Uma")
    assert fetched == list(documents)
    crossed = pool.sign(pool.access_claims(iss=updated.issuer))
    with pytest.raises(TokenError) as refusal:
        verifier.verify(crossed, "access")
    assert refusal.value.code == "token_key_unknown"


def test_one_address_of_keys_serves_all_issuers(
    pool: Pool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COGNITO_ISSUER = ["https://one.example.com/pool", "https://two.example.com/pool"]
    settings.COGNITO_JWKS_URL = "https://keys.example.com/jwks.json"
    fetched = []

    def fetch(url: str) -> bytes:
        fetched.append(url)
        return pool.key_set()

    monkeypatch.setattr("accounts.tokens.keys.fetch_document", fetch)
    for issuer in settings.COGNITO_ISSUER:
        assert get_verifier().verify(pool.access_token(iss=issuer), "access")
    with pytest.raises(TokenError) as refusal:
        get_verifier().verify(pool.access_token(), "access")
    assert refusal.value.code == "token_wrong_pool"
    assert fetched == ["https://keys.example.com/jwks.json"]


def test_an_id_token_passes_where_one_belongs(pool: Pool, verifier: TokenVerifier) -> None:
    claims = verifier.verify(pool.id_token("Uma", ["ROLE_USER"]), "id")
    assert (claims.client_id, claims.email, claims.groups) == ("web-client", "uma@example.com", ("ROLE_USER",))


@pytest.mark.parametrize("audience", ["somebody-else", ABSENT, ["web-client"], ["web-client", "other"]])
def test_an_id_token_of_another_audience_is_refused(audience: Any, pool: Pool, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenError) as refusal:
        verifier.verify(pool.id_token(aud=audience), "id")
    assert refusal.value.code == "token_wrong_client"


def test_an_access_token_is_no_id_token(pool: Pool, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenError) as refusal:
        verifier.verify(pool.access_token(), "id")
    assert refusal.value.code == "token_wrong_use"


def test_either_kind_passes_where_both_are_wanted(pool: Pool, verifier: TokenVerifier) -> None:
    assert verifier.verify(pool.access_token(), "any").token_use == "access"
    assert verifier.verify(pool.id_token(), "any").token_use == "id"


def test_a_remembered_token_is_not_taken_for_another_kind(pool: Pool, verifier: TokenVerifier) -> None:
    token = pool.id_token()
    verifier.verify(token, "id")
    with pytest.raises(TokenError) as refusal:
        verifier.verify(token, "access")
    assert refusal.value.code == "token_wrong_use"


def test_a_machine_has_no_user_name(pool: Pool, verifier: TokenVerifier) -> None:
    claims = verifier.verify(pool.machine_token("books/read", "books/write"), "access")
    assert claims.username is None
    assert claims.scopes == {"books/read", "books/write"}


def test_the_refusal_of_an_expired_token_says_when(pool: Pool, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenError, match="2001-09-09T01:46:40Z"):
        verifier.verify(pool.access_token(iat=999999000, exp=1000000000), "access")


def test_a_remembered_token_expires_all_the_same(pool: Pool) -> None:
    clock = [float(NOW)]
    verifier = TokenVerifier(get_config(), _keys(pool), now=lambda: clock[0])
    token = pool.access_token(iat=NOW, exp=NOW + 100)
    verifier.verify(token, "access")
    clock[0] = NOW + 109.9
    verifier.verify(token, "access")
    clock[0] = NOW + 110
    with pytest.raises(TokenError) as refusal:
        verifier.verify(token, "access")
    assert refusal.value.code == "token_expired"


def test_a_token_over_the_maximum_age_has_expired(pool: Pool, settings: Settings) -> None:
    settings.COGNITO_MAX_TOKEN_AGE_SECONDS = 3600
    verifier = get_verifier()
    now = int(time.time())
    assert verifier.verify(pool.access_token(iat=now - 3500, exp=now + 600), "access")
    with pytest.raises(TokenError) as refusal:
        verifier.verify(pool.access_token(iat=now - 3700, exp=now + 600), "access")
    assert refusal.value.code == "token_expired"


def test_a_remembered_token_dies_with_its_key(pool: Pool) -> None:
    documents = [pool.key_set(), json.dumps({"keys": [jwk("new", new_key("new"))]}).encode()]
    clock = [0.0]
    keys = KeyStore("", parse_key_set, fetch=lambda _: documents.pop(0), clock=lambda: clock[0])
    verifier = TokenVerifier(get_config(), keys)
    token = pool.access_token()
    verifier.verify(token, "access")
    clock[0] = 11
    with pytest.raises(TokenError):
        verifier.verify(pool.sign(pool.access_claims(), kid="anything"), "access")
    with pytest.raises(TokenError) as refusal:
        verifier.verify(token, "access")
    assert refusal.value.code == "token_key_unknown"


def test_a_remembered_token_costs_no_signature_even_after_the_keys_were_fetched_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    keys = KeyStore("", parse_key_set, fetch=lambda _: pool.key_set(), clock=lambda: clock[0])
    verifier = TokenVerifier(get_config(), keys)
    token = pool.access_token()
    verifier.verify(token, "access")
    clock[0] = 11
    keys.get("unknown")

    def signed_again(*_: object) -> bool:
        raise AssertionError("The signature was computed again.")

    monkeypatch.setattr("accounts.tokens.verifier.VerifyingKey.signed", signed_again)
    assert verifier.verify(token, "access").sub == subject("Uma")


def test_what_is_remembered_is_bounded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.tokens.verifier.CACHED_TOKENS", 4)
    verifier = TokenVerifier(get_config(), _keys(pool))
    for number in range(20):
        verifier.verify(pool.access_token(f"Reader {number}"), "access")
    assert 0 < len(verifier._cache) <= 4


def test_a_short_key_never_verifies(pool: Pool) -> None:
    weak = new_key("weak", 1024)
    keys = KeyStore("", parse_key_set, fetch=lambda _: pool.key_set(weak=weak))
    token = pool.sign(pool.access_claims(), key=weak, kid="weak")
    with pytest.raises(TokenError) as refusal:
        TokenVerifier(get_config(), keys).verify(token, "access")
    assert refusal.value.code == "token_signature_invalid"


def test_a_foreign_token_costs_no_key_fetch(pool: Pool) -> None:
    def fetch(_: str) -> bytes:
        raise AssertionError("The keys were fetched for a token of another pool.")

    verifier = TokenVerifier(get_config(), KeyStore("", parse_key_set, fetch=fetch))
    for token in (pool.access_token(iss="https://elsewhere.example.com"), hmac_with_the_public_key(pool)):
        with pytest.raises(TokenError):
            verifier.verify(token, "access")


def test_no_refusal_quotes_the_token(pool: Pool, verifier: TokenVerifier) -> None:
    for _, make in REFUSED.values():
        token = make(pool)
        with pytest.raises(TokenError) as refusal:
            verifier.verify(token, "access")
        assert not any(part and part in str(refusal.value) for part in token.split(".") if len(part) > 5)


def _keys(pool: Pool) -> KeyStore[VerifyingKey]:
    return KeyStore("", parse_key_set, fetch=lambda _: pool.key_set())


def test_the_helpers_write_base64url_as_the_rfc_does() -> None:
    assert base64url(b"\xfb\xff") == base64.urlsafe_b64encode(b"\xfb\xff").decode().rstrip("=") == "-_8"
