"""Sign-in without sending the password, as pycognito, Amplify and amazon-cognito-identity-js do it by default.

The client's side is written here anew, from RFC 5054 and the clients' behaviour, and shares no code with the server.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from local_cognito import srp
from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, OTHER_PASSWORD, PASSWORD, Api, claims_of, refused

PRIME = srp.N


def padded(value: int | str) -> str:
    """A number in hex as the clients write it: whole bytes, never looking negative."""
    text = value if isinstance(value, str) else f"{value:x}"
    if len(text) % 2:
        return f"0{text}"
    return f"00{text}" if text[0] in "89abcdefABCDEF" else text


def hashed(text: str) -> int:
    return int(hashlib.sha256(bytes.fromhex(text)).hexdigest(), 16)


class SrpClient:
    """One sign-in from the client's side."""

    def __init__(self, pool_id: str, password: str) -> None:
        self.pool_name = pool_id.split("_")[1]
        self.password = password
        self.a = secrets.randbits(256)
        self.public_a = pow(2, self.a, PRIME)

    def responses(self, parameters: dict[str, str], at: datetime | None = None) -> dict[str, str]:
        """ChallengeResponses for PASSWORD_VERIFIER."""
        user_id, b = parameters["USER_ID_FOR_SRP"], int(parameters["SRP_B"], 16)
        u = hashed(padded(self.public_a) + padded(b))
        inner = hashlib.sha256(f"{self.pool_name}{user_id}:{self.password}".encode()).hexdigest()
        x = hashed(padded(parameters["SALT"]) + inner)
        k = hashed(f"00{PRIME:x}02")
        shared = pow(b - k * pow(2, x, PRIME), self.a + u * x, PRIME)
        extracted = hmac.new(bytes.fromhex(padded(u)), bytes.fromhex(padded(shared)), hashlib.sha256).digest()
        key = hmac.new(extracted, b"Caldera Derived Key\x01", hashlib.sha256).digest()[:16]
        moment = at or datetime.now(UTC)
        timestamp = f"{moment:%a %b} {moment.day} {moment:%H:%M:%S} UTC {moment.year}"
        block = parameters["SECRET_BLOCK"]
        message = f"{self.pool_name}{user_id}".encode() + base64.standard_b64decode(block) + timestamp.encode()
        return {
            "USERNAME": user_id,
            "TIMESTAMP": timestamp,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode(),
        }


def begin(api: Api, name: str, client: SrpClient) -> dict[str, str]:
    answer = api.public.initiate_auth(
        ClientId=api.spa,
        AuthFlow="USER_SRP_AUTH",
        AuthParameters={"USERNAME": name, "SRP_A": f"{client.public_a:x}"},
    )
    assert answer["ChallengeName"] == "PASSWORD_VERIFIER"
    parameters: dict[str, str] = answer["ChallengeParameters"]
    return parameters


def finish(api: Api, responses: dict[str, str]) -> Any:
    return api.public.respond_to_auth_challenge(
        ClientId=api.spa, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=responses
    )


def sign_in(api: Api, name: str, password: str = PASSWORD) -> Any:
    client = SrpClient(api.pool_id, password)
    return finish(api, client.responses(begin(api, name, client)))


def test_ada_signs_in_many_times(api: Api) -> None:
    sub = api.join(ADA)
    for _ in range(4):
        result = sign_in(api, ADA)["AuthenticationResult"]
    assert claims_of(result["AccessToken"])["sub"] == sub


def test_the_numbers_are_those_of_the_standard() -> None:
    # RFC 5054 appendix A, 3072-bit group: N = 2^3072 - 2^3008 - 1 + 2^64 * (floor(2^2942 pi) + 1690314).
    assert srp.N.bit_length() == 3072
    all_ones = 2**64 - 1
    assert (srp.N >> 3008, srp.N & all_ones) == (all_ones, all_ones)
    # Both it and its half are prime (to base 2): a safe prime, without a digit mistyped.
    half = (srp.N - 1) // 2
    assert pow(2, srp.N - 1, srp.N) == pow(2, half - 1, half) == 1


def test_a_wrong_password_is_refused(api: Api) -> None:
    api.join(ADA)
    with refused("NotAuthorizedException"):
        sign_in(api, ADA, OTHER_PASSWORD)


def test_a_signature_made_up_is_refused(api: Api) -> None:
    api.join(ADA)
    client = SrpClient(api.pool_id, PASSWORD)
    responses = client.responses(begin(api, ADA, client))
    with refused("NotAuthorizedException"):
        finish(api, {**responses, "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(bytes(32)).decode()})


def test_an_exchange_gives_one_try(api: Api) -> None:
    api.join(ADA)
    client = SrpClient(api.pool_id, PASSWORD)
    responses = client.responses(begin(api, ADA, client))
    with refused("NotAuthorizedException"):
        finish(api, {**responses, "PASSWORD_CLAIM_SIGNATURE": "eA=="})
    with refused("NotAuthorizedException"):
        finish(api, responses)


def test_an_exchange_cannot_be_replayed(api: Api) -> None:
    api.join(ADA)
    client = SrpClient(api.pool_id, PASSWORD)
    responses = client.responses(begin(api, ADA, client))
    finish(api, responses)
    with refused("NotAuthorizedException"):
        finish(api, responses)


def test_an_old_timestamp_is_refused(api: Api) -> None:
    api.join(ADA)
    client = SrpClient(api.pool_id, PASSWORD)
    parameters = begin(api, ADA, client)
    with refused("NotAuthorizedException"):
        finish(api, client.responses(parameters, datetime(2020, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("public_a", ["0", f"{PRIME:x}", f"{2 * PRIME:x}", "not hex", "-1", "f" * 5000])
def test_a_public_value_that_gives_the_key_away_is_refused(api: Api, public_a: str) -> None:
    api.join(ADA)
    with refused("InvalidParameterException"):
        api.public.initiate_auth(
            ClientId=api.spa, AuthFlow="USER_SRP_AUTH", AuthParameters={"USERNAME": ADA, "SRP_A": public_a}
        )


def test_somebody_who_does_not_exist_looks_like_somebody_with_another_password(api: Api) -> None:
    api.join(ADA)
    real, unknown = (begin(api, name, SrpClient(api.pool_id, PASSWORD)) for name in (ADA, GRACE))
    again = begin(api, GRACE.upper(), SrpClient(api.pool_id, PASSWORD))
    assert real.keys() == unknown.keys()
    assert [len(unknown[name]) for name in ("USERNAME", "USER_ID_FOR_SRP", "SECRET_BLOCK")] == [
        len(real[name]) for name in ("USERNAME", "USER_ID_FOR_SRP", "SECRET_BLOCK")
    ]
    # Asked twice, the same salt and id: else asking twice would tell.
    assert (unknown["SALT"], unknown["USERNAME"]) == (again["SALT"], again["USERNAME"])
    for name in (ADA, GRACE):
        with refused("NotAuthorizedException"):
            sign_in(api, name, OTHER_PASSWORD)


def test_it_is_no_way_around_the_lock(api: Api) -> None:
    api.join(ADA)
    for _ in range(5):
        with refused("NotAuthorizedException"):
            sign_in(api, ADA, OTHER_PASSWORD)
    with refused("NotAuthorizedException"):
        sign_in(api, ADA)


def test_somebody_invited_is_asked_for_a_new_password(api: Api) -> None:
    temporary = api.invite(ADA)
    challenge = sign_in(api, ADA, temporary)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


def test_somebody_unconfirmed_or_disabled_does_not_get_in(api: Api, cognito: LocalCognito) -> None:
    api.sign_up(ADA)
    with refused("UserNotConfirmedException"):
        sign_in(api, ADA)
    api.confirm(ADA)
    api.admin.admin_disable_user(**api.in_pool(ADA))
    with refused("NotAuthorizedException"):
        sign_in(api, ADA)
