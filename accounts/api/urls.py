"""URL paths of the account endpoints, under /api/v1/accounts/."""

from django.urls import path

from accounts.api import me, people, views

app_name = "accounts-api"

urlpatterns = [
    path("sign-up/", views.SignUpView.as_view(), name="sign-up"),
    path("confirm-sign-up/", views.ConfirmSignUpView.as_view(), name="confirm-sign-up"),
    path("resend-code/", views.ResendCodeView.as_view(), name="resend-code"),
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
    path("sign-in/challenge/", views.ChallengeView.as_view(), name="challenge"),
    path("refresh/", views.RefreshView.as_view(), name="refresh"),
    path("sign-out/", views.SignOutView.as_view(), name="sign-out"),
    path("forgot-password/", views.ForgotPasswordView.as_view(), name="forgot-password"),
    path("reset-password/", views.ResetPasswordView.as_view(), name="reset-password"),
    path("change-password/", me.ChangePasswordView.as_view(), name="change-password"),
    path("me/", me.MeView.as_view(), name="me"),
    path("me/delete/", me.DeleteMeView.as_view(), name="delete-me"),
    path("me/verify-email/", me.VerifyEmailView.as_view(), name="verify-email"),
    path("me/mfa/", me.MfaView.as_view(), name="mfa"),
    path("me/mfa/delete/", me.EndMfaView.as_view(), name="end-mfa"),
    path("users/", people.PeopleView.as_view(), name="people"),
    path("users/<str:sub>/", people.PersonView.as_view(), name="person"),
    path("users/<str:sub>/role/", people.PersonRoleView.as_view(), name="person-role"),
    path("users/<str:sub>/disable/", people.DisablePersonView.as_view(), name="disable-person"),
    path("users/<str:sub>/enable/", people.EnablePersonView.as_view(), name="enable-person"),
    path("users/<str:sub>/sign-out/", people.SignOutPersonView.as_view(), name="sign-out-person"),
]
