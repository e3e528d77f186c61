"""The admin site of the product."""

from accounts.browser.admin_site import CognitoAdminSite


class ProductAdminSite(CognitoAdminSite):
    """The admin site for ROLE_ADMIN, under the product's name."""

    site_header = "Cognito Books"
    site_title = "Cognito Books"
    index_title = "The catalogue and its people"
