"""The admin site of the product."""

from django.contrib.admin import AdminSite


class ProductAdminSite(AdminSite):
    """Sign-in goes through `accounts.backends.CognitoBackend`; ROLE_ADMIN is staff."""

    site_header = "Cognito Books"
    site_title = "Cognito Books"
    index_title = "The catalogue and its people"
