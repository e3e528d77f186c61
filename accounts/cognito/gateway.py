"""Gateway to Amazon Cognito: all operations on one user pool, as one object per process."""

from functools import cache

from django.core.signals import setting_changed
from django.dispatch import receiver

from accounts.cognito.own_account import OwnAccountOperations
from accounts.cognito.public import PublicOperations
from accounts.tokens.conf import get_config


class CognitoGateway(PublicOperations, OwnAccountOperations):
    """All operations on one user pool. See CognitoClient for the errors that each may raise."""


@cache
def get_gateway() -> CognitoGateway:
    """The gateway of this process. The first call takes 0.3 s: boto3 loads its service model."""
    return CognitoGateway(get_config())


@receiver(setting_changed)
def _forget_gateway(*, setting: str, **_: object) -> None:
    if setting.startswith("COGNITO_"):
        get_gateway.cache_clear()
