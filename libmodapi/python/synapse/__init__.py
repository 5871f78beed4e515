"""Stands in for the contract's server, so that modules written for it can be loaded by another homeserver.

It has what modules use of that server by its contract, written from the contract and its observable behaviour. The version is that of
the contract. Other names can be imported and fail by name when they are used.
"""

from modapi_bridge.not_offered import names_of

__version__ = "1.106.0"
__getattr__ = names_of(__name__)
