"""URL paths of the account pages."""

from django.urls import path

from accounts.browser import anonymous, profile, sign_in

app_name = "accounts"

urlpatterns = [
    path("sign-up/", anonymous.SignUpPage.as_view(), name="sign-up"),
    path("confirm/", anonymous.ConfirmPage.as_view(), name="confirm"),
    path("sign-in/", sign_in.SignInPage.as_view(), name="sign-in"),
    path("sign-in/challenge/", sign_in.ChallengePage.as_view(), name="challenge"),
    path("forgot-password/", anonymous.ForgotPasswordPage.as_view(), name="forgot-password"),
    path("reset-password/", anonymous.ResetPasswordPage.as_view(), name="reset-password"),
    path("hosted/", sign_in.HostedView.as_view(), name="hosted"),
    path("hosted/callback/", sign_in.HostedCallbackView.as_view(), name="hosted-callback"),
    path("sign-out/", sign_in.SignOutView.as_view(), name="sign-out"),
    path("profile/", profile.ProfilePage.as_view(), name="profile"),
    path("profile/email/", profile.EmailPage.as_view(), name="profile-email"),
    path("profile/email/verify/", profile.VerifyEmailPage.as_view(), name="profile-email-verify"),
    path("profile/password/", profile.PasswordPage.as_view(), name="profile-password"),
    path("profile/mfa/", profile.MfaPage.as_view(), name="profile-mfa"),
    path("profile/sign-out/", profile.SignOutEverywherePage.as_view(), name="profile-sign-out-everywhere"),
    path("profile/delete/", profile.DeletePage.as_view(), name="profile-delete"),
]
