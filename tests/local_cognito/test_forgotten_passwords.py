"""A password is forgotten or changed."""

from itertools import pairwise

import pytest

from local_cognito.server import LocalCognito
from tests.local_cognito.people import ADA, GRACE, OTHER_PASSWORD, PASSWORD, Api, claims_of, refused

THIRD_PASSWORD = "Unlikely-Pony-9"


def forget(api: Api, email: str) -> str:
    """Ask for a code; gives it."""
    api.public.forgot_password(**api.web_call(email))
    return api.last_code(email)


def reset(api: Api, email: str, code: str, password: str = OTHER_PASSWORD) -> None:
    api.public.confirm_forgot_password(**api.web_call(email), ConfirmationCode=code, Password=password)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


class TestForgotten:
    def test_ada_chooses_a_new_one(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        reset(api, ADA, forget(api, ADA))
        assert cognito.messages.all()[-1]["kind"] == "forgot_password"
        assert api.sign_in(ADA, OTHER_PASSWORD)
        with refused("NotAuthorizedException"):
            api.sign_in(ADA, PASSWORD)

    def test_a_code_works_once(self, api: Api) -> None:
        api.join(ADA)
        code = forget(api, ADA)
        reset(api, ADA, code)
        with refused("ExpiredCodeException"):
            reset(api, ADA, code, THIRD_PASSWORD)

    def test_a_wrong_code_changes_nothing(self, api: Api) -> None:
        api.join(ADA)
        code = forget(api, ADA)
        for bad in (wrong(code), "moto-confirmation-code:123456", "x"):
            with refused("CodeMismatchException"):
                reset(api, ADA, bad)
        assert api.sign_in(ADA)

    def test_codes_are_not_to_be_guessed(self, api: Api) -> None:
        api.join(ADA)
        code = forget(api, ADA)
        for _ in range(5):
            with refused("CodeMismatchException"):
                reset(api, ADA, wrong(code))
        with refused("TooManyFailedAttemptsException"):
            reset(api, ADA, code)
        reset(api, ADA, forget(api, ADA))

    def test_a_code_lasts_an_hour(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        code = forget(api, ADA)
        cognito.clock.advance(3600)
        with refused("ExpiredCodeException"):
            reset(api, ADA, code)

    def test_nobody_asked_for_a_code_means_expired(self, api: Api) -> None:
        api.join(ADA)
        with refused("ExpiredCodeException"):
            reset(api, ADA, "123456")

    def test_a_sign_up_code_is_no_reset_code(self, api: Api) -> None:
        api.sign_up(ADA)
        with refused("ExpiredCodeException"):
            reset(api, ADA, api.last_code(ADA))

    def test_a_weak_password_does_not_spend_the_code(self, api: Api) -> None:
        api.join(ADA)
        code = forget(api, ADA)
        with refused("InvalidPasswordException"):
            reset(api, ADA, code, "weakling")
        reset(api, ADA, code)

    def test_a_password_of_before_is_refused_and_does_not_spend_the_code(self, api: Api) -> None:
        api.join(ADA)
        code = forget(api, ADA)
        with refused("PasswordHistoryPolicyViolationException"):
            reset(api, ADA, code, PASSWORD)
        reset(api, ADA, code)

    def test_a_stranger_learns_nothing_and_nothing_is_sent(self, api: Api, cognito: LocalCognito) -> None:
        api.join(ADA)
        known = api.public.forgot_password(**api.web_call(ADA))["CodeDeliveryDetails"]
        sent = len(cognito.messages.all())
        unknown = api.public.forgot_password(**api.web_call("alan@elsewhere.org"))["CodeDeliveryDetails"]
        assert unknown == {**known, "Destination": "a***@e***"}
        assert len(cognito.messages.all()) == sent
        with refused("CodeMismatchException"):
            reset(api, "alan@elsewhere.org", "123456")

    def test_somebody_disabled_or_unverified_gets_no_mail_and_no_error(self, api: Api, cognito: LocalCognito) -> None:
        api.sign_up(ADA)
        api.join(GRACE)
        api.admin.admin_disable_user(**api.in_pool(GRACE))
        sent = len(cognito.messages.all())
        for name in (ADA, GRACE):
            assert api.public.forgot_password(**api.web_call(name))["CodeDeliveryDetails"]
        assert len(cognito.messages.all()) == sent
        with refused("CodeMismatchException"):
            reset(api, GRACE, "123456")

    def test_somebody_invited_has_no_password_to_forget(self, api: Api) -> None:
        api.invite(ADA)
        with refused("NotAuthorizedException"):
            forget(api, ADA)

    def test_a_new_password_ends_the_lock(self, api: Api) -> None:
        api.join(ADA)
        for _ in range(5):
            with refused("NotAuthorizedException"):
                api.sign_in(ADA, THIRD_PASSWORD)
        reset(api, ADA, forget(api, ADA))
        assert api.sign_in(ADA, OTHER_PASSWORD)

    def test_the_secret_hash_is_needed_here_too(self, api: Api) -> None:
        api.join(ADA)
        with refused("NotAuthorizedException"):
            api.public.forgot_password(ClientId=api.web, Username=ADA)
        code = forget(api, ADA)
        with refused("NotAuthorizedException"):
            api.public.confirm_forgot_password(
                ClientId=api.web, Username=ADA, ConfirmationCode=code, Password=OTHER_PASSWORD
            )

    def test_a_pool_may_leave_it_to_administrators(self, api: Api) -> None:
        api.join(ADA)
        only = {"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]}
        api.admin.update_user_pool(UserPoolId=api.pool_id, AccountRecoverySetting=only)
        with refused("NotAuthorizedException"):
            forget(api, ADA)


class TestResetByAnAdministrator:
    def test_the_old_password_no_longer_works_until_the_code_comes_back(self, api: Api) -> None:
        api.join(ADA)
        api.admin.admin_reset_user_password(**api.in_pool(ADA))
        with refused("PasswordResetRequiredException"):
            api.sign_in(ADA)
        reset(api, ADA, api.last_code(ADA))
        assert api.sign_in(ADA, OTHER_PASSWORD)

    def test_a_new_password_set_for_ada_lasts(self, api: Api) -> None:
        api.join(ADA)
        api.admin.admin_set_user_password(**api.in_pool(ADA), Password=OTHER_PASSWORD, Permanent=True)
        assert api.sign_in(ADA, OTHER_PASSWORD)

    def test_a_temporary_one_must_be_replaced(self, api: Api) -> None:
        api.join(ADA)
        api.admin.admin_set_user_password(**api.in_pool(ADA), Password=OTHER_PASSWORD, Permanent=False)
        assert api.start(ADA, OTHER_PASSWORD)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_the_policy_holds_for_administrators(self, api: Api) -> None:
        api.join(ADA)
        with refused("InvalidPasswordException"):
            api.admin.admin_set_user_password(**api.in_pool(ADA), Password="weakling", Permanent=True)
        with refused("InvalidPasswordException"):
            api.admin.admin_create_user(**api.in_pool(GRACE), TemporaryPassword="weakling")

    def test_somebody_unconfirmed_has_nothing_to_reset(self, api: Api) -> None:
        api.sign_up(ADA)
        with refused("NotAuthorizedException"):
            api.admin.admin_reset_user_password(**api.in_pool(ADA))


class TestChanged:
    def change(self, api: Api, token: str, old: str, new: str) -> None:
        api.public.change_password(AccessToken=token, PreviousPassword=old, ProposedPassword=new)

    def test_ada_changes_hers(self, api: Api) -> None:
        api.join(ADA)
        self.change(api, api.sign_in(ADA)["AccessToken"], PASSWORD, OTHER_PASSWORD)
        assert api.sign_in(ADA, OTHER_PASSWORD)
        with refused("NotAuthorizedException"):
            api.sign_in(ADA, PASSWORD)

    def test_the_old_one_is_needed_first(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["AccessToken"]
        with refused("NotAuthorizedException"):
            self.change(api, token, OTHER_PASSWORD, "weakling")
        with refused("NotAuthorizedException"):
            api.public.change_password(AccessToken=token, ProposedPassword=OTHER_PASSWORD)

    def test_the_new_one_follows_the_policy(self, api: Api) -> None:
        api.join(ADA)
        with refused("InvalidPasswordException"):
            self.change(api, api.sign_in(ADA)["AccessToken"], PASSWORD, "weakling")

    def test_the_last_four_are_not_taken_again(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["AccessToken"]
        passwords = [PASSWORD, *(f"Number-{n}-password" for n in range(4))]
        for old, new in pairwise(passwords):
            self.change(api, token, old, new)
        for used in passwords[1:]:
            with refused("PasswordHistoryPolicyViolationException"):
                self.change(api, token, passwords[-1], used)
        self.change(api, token, passwords[-1], PASSWORD)

    def test_the_old_one_is_not_to_be_guessed(self, api: Api) -> None:
        api.join(ADA)
        token = api.sign_in(ADA)["AccessToken"]
        for _ in range(5):
            with refused("NotAuthorizedException"):
                self.change(api, token, OTHER_PASSWORD, THIRD_PASSWORD)
        with refused("LimitExceededException"):
            self.change(api, token, PASSWORD, THIRD_PASSWORD)


@pytest.mark.parametrize("invited", [True, False])
def test_the_history_follows_a_person_through_every_way(api: Api, invited: bool) -> None:
    if invited:
        api.answer(api.start(ADA, api.invite(ADA)), ADA, NEW_PASSWORD=PASSWORD)
    else:
        api.join(ADA)
    reset(api, ADA, forget(api, ADA))
    with refused("PasswordHistoryPolicyViolationException"):
        api.admin.admin_set_user_password(**api.in_pool(ADA), Password=PASSWORD, Permanent=True)
    assert "sub" in claims_of(api.sign_in(ADA, OTHER_PASSWORD)["AccessToken"])
