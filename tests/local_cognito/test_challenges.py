"""A sign-in asks for more: a new password, a second factor, or setting one up."""

import json
import time
from typing import Any

import pytest

from local_cognito import totp
from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, OTHER_PASSWORD, PASSWORD, Api, claims_of, refused


def enrol(api: Api, email: str) -> str:
    """Turn the authenticator app on for somebody; gives its secret."""
    token = api.sign_in(email)["AccessToken"]
    secret: str = api.public.associate_software_token(AccessToken=token)["SecretCode"]
    answer = api.public.verify_software_token(AccessToken=token, UserCode=shown(api.cognito, secret))
    assert answer["Status"] == "SUCCESS"
    api.public.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    return secret


def shown(cognito: LocalCognito, secret: str, steps: int = 0) -> str:
    """What the app shows, so many half minutes from now."""
    return totp.code(secret, cognito.clock.now() + steps * totp.STEP_SECONDS)


def insist_on_mfa(api: Api) -> None:
    api.admin.set_user_pool_mfa_config(
        UserPoolId=api.pool_id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration={"Enabled": True}
    )


class TestNewPassword:
    def test_somebody_invited_chooses_a_password_of_their_own(self, api: Api) -> None:
        temporary = api.invite(ADA)
        challenge = api.start(ADA, temporary)
        assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
        assert json.loads(challenge["ChallengeParameters"]["userAttributes"])["email"] == ADA
        assert json.loads(challenge["ChallengeParameters"]["requiredAttributes"]) == []
        answer = api.answer(challenge, ADA, NEW_PASSWORD=PASSWORD, **{"userAttributes.name": "Ada Lovelace"})
        assert claims_of(answer["AuthenticationResult"]["IdToken"])["name"] == "Ada Lovelace"
        assert api.sign_in(ADA)
        with refused("NotAuthorizedException"):
            api.sign_in(ADA, temporary)

    def test_the_sub_may_stand_for_the_address(self, api: Api) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        sub = challenge["ChallengeParameters"]["USER_ID_FOR_SRP"]
        assert api.answer(challenge, sub, NEW_PASSWORD=PASSWORD)["AuthenticationResult"]

    def test_a_session_works_once(self, api: Api) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        api.answer(challenge, ADA, NEW_PASSWORD=PASSWORD)
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA, NEW_PASSWORD=OTHER_PASSWORD)

    def test_a_session_of_grace_does_not_set_adas_password(self, api: Api) -> None:
        api.join(ADA)
        challenge = api.start(GRACE, api.invite(GRACE))
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA, NEW_PASSWORD=OTHER_PASSWORD)
        assert api.sign_in(ADA)

    def test_a_session_belongs_to_its_client(self, api: Api) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        with refused("NotAuthorizedException"):
            api.public.respond_to_auth_challenge(
                ClientId=api.spa,
                ChallengeName="NEW_PASSWORD_REQUIRED",
                Session=challenge["Session"],
                ChallengeResponses={"USERNAME": ADA, "NEW_PASSWORD": PASSWORD},
            )

    @pytest.mark.parametrize("name", ["SOFTWARE_TOKEN_MFA", "MFA_SETUP", "PASSWORD_VERIFIER"])
    def test_a_session_answers_its_own_challenge_only(self, api: Api, name: str) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        with refused("NotAuthorizedException"):
            api.answer(
                {**challenge, "ChallengeName": name},
                ADA,
                SOFTWARE_TOKEN_MFA_CODE="123456",
                PASSWORD_CLAIM_SECRET_BLOCK=challenge["Session"],
                PASSWORD_CLAIM_SIGNATURE="eA==",
                TIMESTAMP="Thu Nov 5 07:09:03 UTC 2026",
            )

    @pytest.mark.parametrize("name", ["SMS_MFA", "EMAIL_OTP", "SELECT_MFA_TYPE", "DEVICE_SRP_AUTH", "CUSTOM_CHALLENGE"])
    def test_a_challenge_nobody_asked_is_refused(self, api: Api, name: str) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        with refused("InvalidParameterException"):
            api.answer({**challenge, "ChallengeName": name}, ADA, SMS_MFA_CODE="123456")

    def test_a_session_lasts_three_minutes(self, api: Api, cognito: LocalCognito) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        cognito.clock.advance(180)
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA, NEW_PASSWORD=PASSWORD)

    def test_a_weak_password_may_be_bettered_in_the_same_session(self, api: Api) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        with refused("InvalidPasswordException"):
            api.answer(challenge, ADA, NEW_PASSWORD="weak")
        assert api.answer(challenge, ADA, NEW_PASSWORD=PASSWORD)["AuthenticationResult"]

    def test_the_temporary_password_is_not_kept(self, api: Api) -> None:
        temporary = api.invite(ADA)
        with refused("PasswordHistoryPolicyViolationException"):
            api.answer(api.start(ADA, temporary), ADA, NEW_PASSWORD=temporary)

    def test_a_temporary_password_lasts_seven_days(self, api: Api, cognito: LocalCognito) -> None:
        temporary = api.invite(ADA)
        cognito.clock.advance(7 * 86400)
        with refused("NotAuthorizedException"):
            api.start(ADA, temporary)

    def test_verified_marks_cannot_be_slipped_in(self, api: Api) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA, NEW_PASSWORD=PASSWORD, **{"userAttributes.email_verified": "true"})

    def test_the_secret_hash_is_needed_here_too(self, api: Api) -> None:
        challenge = api.start(ADA, api.invite(ADA))
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA, NEW_PASSWORD=PASSWORD, SECRET_HASH=api.hash_for(GRACE))


class TestAuthenticatorApp:
    def test_ada_signs_in_with_a_code(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        challenge = api.start(ADA)
        assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        answer = api.answer(challenge, ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 1))
        assert answer["AuthenticationResult"]["AccessToken"]

    def test_everybody_has_a_secret_of_their_own(self, api: Api) -> None:
        api.join(ADA)
        api.join(GRACE)
        assert enrol(api, ADA) != enrol(api, GRACE)

    def test_a_wrong_code_may_be_corrected_in_the_same_session(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        challenge = api.start(ADA)
        with refused("CodeMismatchException"):
            api.answer(challenge, ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 5))
        assert api.answer(challenge, ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 1))

    def test_a_code_is_good_for_one_sign_in(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        code = shown(cognito, secret, 1)
        api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=code)
        with refused("ExpiredCodeException"):
            api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=code)

    def test_the_code_that_verified_the_app_does_not_sign_in(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        with refused("ExpiredCodeException"):
            api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret))

    def test_codes_are_not_to_be_guessed(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        challenge = api.start(ADA)
        for _ in range(5):
            with refused("CodeMismatchException"):
                api.answer(challenge, ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 9))
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 1))
        # Nor does a new session help before the lock is over.
        with refused("NotAuthorizedException"):
            api.start(ADA)

    def test_the_right_password_does_not_start_the_count_of_codes_anew(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        secret = enrol(api, ADA)
        for _ in range(5):
            with refused("CodeMismatchException"):
                api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 9))
        with refused("NotAuthorizedException"):
            api.start(ADA)
        cognito.clock.advance(1.1)
        with refused("CodeMismatchException"):
            api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, secret, 9))
        cognito.clock.advance(1.1)
        with refused("NotAuthorizedException"):
            api.start(ADA)

    def test_the_app_cannot_be_turned_on_before_it_has_shown_a_code(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["AccessToken"]
        settings = {"Enabled": True, "PreferredMfa": True}
        with refused("InvalidParameterException"):
            api.public.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=settings)
        with refused("SoftwareTokenMFANotFoundException"):
            api.public.verify_software_token(AccessToken=token, UserCode="123456")
        secret = api.public.associate_software_token(AccessToken=token)["SecretCode"]
        with refused("EnableSoftwareTokenMFAException"):
            api.public.verify_software_token(AccessToken=token, UserCode=shown(api.cognito, secret, 5))
        with refused("InvalidParameterException"):
            api.public.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=settings)

    def test_a_new_secret_replaces_the_old_one_only_once_verified(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        old = enrol(api, ADA)
        token = api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, old, 1))
        access = token["AuthenticationResult"]["AccessToken"]
        new = api.public.associate_software_token(AccessToken=access)["SecretCode"]
        with refused("CodeMismatchException"):
            api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, new, 1))
        api.public.verify_software_token(AccessToken=access, UserCode=shown(cognito, new))
        assert api.answer(api.start(ADA), ADA, SOFTWARE_TOKEN_MFA_CODE=shown(cognito, new, 1))

    def test_ada_turns_it_off(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["AccessToken"]
        enrol(api, ADA)
        assert api.public.get_user(AccessToken=token)["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
        factors = api.public.get_user_auth_factors(AccessToken=token)
        assert factors["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"
        assert factors["ConfiguredUserAuthFactors"] == ["PASSWORD"]
        api.public.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": False})
        assert "UserMFASettingList" not in api.public.get_user(AccessToken=token)
        assert api.sign_in(ADA)

    def test_a_factor_the_pool_has_not_cannot_be_turned_on(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["AccessToken"]
        with refused("InvalidParameterException"):
            api.public.set_user_mfa_preference(AccessToken=token, SMSMfaSettings={"Enabled": True})

    def test_an_administrator_turns_it_off_for_somebody_who_lost_the_phone(self, api: Api) -> None:
        api.join(ADA)
        enrol(api, ADA)
        api.admin.admin_set_user_mfa_preference(**api.in_pool(ADA), SoftwareTokenMfaSettings={"Enabled": False})
        assert api.sign_in(ADA)


class TestSettingUpDuringSignIn:
    def test_a_pool_that_insists_lets_ada_in_once_the_app_is_set_up(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        insist_on_mfa(api)
        challenge = api.start(ADA)
        assert challenge["ChallengeName"] == "MFA_SETUP"
        assert json.loads(challenge["ChallengeParameters"]["MFAS_CAN_SETUP"]) == ["SOFTWARE_TOKEN_MFA"]
        associated = api.public.associate_software_token(Session=challenge["Session"])
        secret = associated["SecretCode"]
        verified = api.public.verify_software_token(Session=associated["Session"], UserCode=shown(cognito, secret))
        answer = api.answer({**challenge, "Session": verified["Session"]}, ADA)
        assert answer["AuthenticationResult"]["AccessToken"]
        assert api.start(ADA)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_the_first_session_is_no_shortcut(self, api: Api) -> None:
        api.join(ADA)
        insist_on_mfa(api)
        challenge = api.start(ADA)
        with refused("NotAuthorizedException"):
            api.answer(challenge, ADA)
        associated = api.public.associate_software_token(Session=challenge["Session"])
        for session in (challenge["Session"], associated["Session"]):
            with refused("NotAuthorizedException"):
                api.answer({**challenge, "Session": session}, ADA)

    def test_it_follows_a_new_password(self, api: Api) -> None:
        temporary = api.invite(ADA)
        insist_on_mfa(api)
        assert api.answer(api.start(ADA, temporary), ADA, NEW_PASSWORD=PASSWORD)["ChallengeName"] == "MFA_SETUP"

    def test_a_session_nobody_opened_is_refused(self, api: Api) -> None:
        for arguments in ({"Session": "x" * 30}, {}):
            with refused("NotAuthorizedException"):
                api.public.associate_software_token(**arguments)


def test_the_codes_are_those_of_rfc_6238() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    expected: dict[int, str] = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
    assert {at: totp.code(secret, at) for at in expected} == expected


def test_sms_codes_of_the_past_are_no_answer(api: Api) -> None:
    answer: dict[str, Any] = {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "x" * 64}
    with refused("NotAuthorizedException"):
        api.answer(answer, "user@example.com", SOFTWARE_TOKEN_MFA_CODE=f"{int(time.time()) % 1_000_000:06d}")
