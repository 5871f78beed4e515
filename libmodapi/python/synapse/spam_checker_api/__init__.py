"""Answers of spam checkers."""

from enum import Enum

from modapi_bridge.not_offered import names_of


class RegistrationBehaviour(Enum):
    """What becomes of a registration."""

    ALLOW = "allow"
    SHADOW_BAN = "shadow_ban"
    DENY = "deny"


__getattr__ = names_of(__name__)
