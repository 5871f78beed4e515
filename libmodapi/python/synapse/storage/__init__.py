"""The database."""

from modapi_bridge.not_offered import names_of

__getattr__ = names_of(__name__)
