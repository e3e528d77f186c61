"""The service's own settings, for servers of tests that have two workers and no Redis."""

from config.settings import *  # noqa: F403 - settings are what a module holds

SILENCED_SYSTEM_CHECKS = ["config.E004"]  # REDIS_URL must be set: what must hold without it is tested too
