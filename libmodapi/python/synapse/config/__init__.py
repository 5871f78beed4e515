"""The configuration."""

from modapi_bridge.not_offered import names_of

from synapse.config._base import ConfigError  # noqa: F401

__getattr__ = names_of(__name__)
