"""Registry of operations: own ones are functions (cognito, request) -> answer; the others are passed to moto."""

from collections.abc import Callable
from typing import Any

from local_cognito.cognito import Cognito
from local_cognito.operations import (
    admin,
    challenges,
    forgotten,
    mfa,
    pools,
    profile,
    refresh,
    sign_in,
    sign_up,
)

Operation = Callable[[Cognito, dict[str, Any]], dict[str, Any]]

OURS: dict[str, Operation] = {
    "SignUp": sign_up.sign_up,
    "ConfirmSignUp": sign_up.confirm_sign_up,
    "ResendConfirmationCode": sign_up.resend_confirmation_code,
    "InitiateAuth": sign_in.initiate_auth,
    "AdminInitiateAuth": sign_in.admin_initiate_auth,
    "RespondToAuthChallenge": challenges.respond_to_auth_challenge,
    "AdminRespondToAuthChallenge": challenges.admin_respond_to_auth_challenge,
    "GetTokensFromRefreshToken": refresh.get_tokens_from_refresh_token,
    "RevokeToken": refresh.revoke_token,
    "GlobalSignOut": refresh.global_sign_out,
    "ForgotPassword": forgotten.forgot_password,
    "ConfirmForgotPassword": forgotten.confirm_forgot_password,
    "ChangePassword": forgotten.change_password,
    "GetUser": profile.get_user,
    "UpdateUserAttributes": profile.update_user_attributes,
    "DeleteUserAttributes": profile.delete_user_attributes,
    "GetUserAttributeVerificationCode": profile.get_user_attribute_verification_code,
    "VerifyUserAttribute": profile.verify_user_attribute,
    "DeleteUser": profile.delete_user,
    "GetUserAuthFactors": profile.get_user_auth_factors,
    "AssociateSoftwareToken": mfa.associate_software_token,
    "VerifySoftwareToken": mfa.verify_software_token,
    "SetUserMFAPreference": mfa.set_user_mfa_preference,
    "AdminGetUser": admin.admin_get_user,
    "AdminCreateUser": admin.admin_create_user,
    "AdminDeleteUser": admin.admin_delete_user,
    "AdminConfirmSignUp": admin.admin_confirm_sign_up,
    "AdminSetUserPassword": admin.admin_set_user_password,
    "AdminResetUserPassword": admin.admin_reset_user_password,
    "AdminDisableUser": admin.admin_disable_user,
    "AdminEnableUser": admin.admin_enable_user,
    "AdminUpdateUserAttributes": admin.admin_update_user_attributes,
    "AdminDeleteUserAttributes": admin.admin_delete_user_attributes,
    "AdminUserGlobalSignOut": admin.admin_user_global_sign_out,
    "AdminSetUserMFAPreference": admin.admin_set_user_mfa_preference,
    "AdminListGroupsForUser": admin.admin_list_groups_for_user,
    "UpdateUserPool": pools.update_user_pool,
    "CreateUserPoolClient": pools.create_user_pool_client,
    "UpdateUserPoolClient": pools.update_user_pool_client,
}

# Keeping and listing things is what moto is good at. A user name in these is made the real one first.
MOTOS = frozenset(
    {
        "AdminAddUserToGroup",
        "AdminRemoveUserFromGroup",
        "CreateGroup",
        "CreateIdentityProvider",
        "CreateResourceServer",
        "CreateUserPool",
        "CreateUserPoolDomain",
        "DeleteGroup",
        "DeleteIdentityProvider",
        "DeleteUserPool",
        "DeleteUserPoolClient",
        "DeleteUserPoolDomain",
        "DescribeIdentityProvider",
        "DescribeResourceServer",
        "DescribeUserPool",
        "DescribeUserPoolClient",
        "DescribeUserPoolDomain",
        "GetGroup",
        "GetUserPoolMfaConfig",
        "ListGroups",
        "ListIdentityProviders",
        "ListResourceServers",
        "ListUserPoolClients",
        "ListUserPools",
        "ListUsers",
        "ListUsersInGroup",
        "SetUserPoolMfaConfig",
        "UpdateGroup",
        "UpdateIdentityProvider",
        "UpdateUserPoolDomain",
    }
)
