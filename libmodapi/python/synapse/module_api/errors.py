"""Errors that modules raise and catch."""

from modapi_bridge.not_offered import names_of
from synapse.api.errors import (  # noqa: F401
    AuthError,
    CodeMessageException,
    Codes,
    HttpResponseException,
    InvalidClientCredentialsError,
    InvalidRuleException,
    LimitExceededError,
    MissingClientTokenError,
    NotFoundError,
    RedirectException,
    RuleNotFoundException,
    StoreError,
    SynapseError,
)
from synapse.config._base import ConfigError  # noqa: F401

__all__ = [
    "Codes",
    "ConfigError",
    "InvalidClientCredentialsError",
    "InvalidRuleException",
    "RedirectException",
    "RuleNotFoundException",
    "SynapseError",
]
__getattr__ = names_of(__name__)
