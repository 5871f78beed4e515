"""Requests of web resources."""

from typing import Any, Optional

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.web.server import Request

from modapi_bridge.not_offered import names_of


class SynapseRequest(Request):
    """Twisted's request. Who sent it is what the homeserver says, which hands requests on over a Unix socket."""

    requester: Any = None

    def getClientAddress(self) -> Any:
        """The client's address, as the homeserver saw it."""
        held = self.requestHeaders.getRawHeaders("x-modapi-client")
        if not held:
            return super().getClientAddress()
        return IPv6Address("TCP", held[0], 0) if ":" in held[0] else IPv4Address("TCP", held[0], 0)

    def getClientIP(self) -> Optional[str]:
        """The same as a text."""
        return getattr(self.getClientAddress(), "host", None)

    def get_client_ip_if_available(self) -> str:
        """The same, or a word that says that it isn't known."""
        return self.getClientIP() or "None"

    def get_user_agent(self, default: str) -> str:
        """The header, or the default."""
        held = self.requestHeaders.getRawHeaders("user-agent")
        return held[-1] if held else default

    def get_redacted_uri(self) -> str:
        """The address with a token in it hidden."""
        import re

        return re.sub(r"(\?.*access_token=)[^&]*", r"\1<redacted>", self.uri.decode("ascii", "replace"))

    def get_method(self) -> str:
        """The method."""
        return self.method.decode("ascii", "replace")


__getattr__ = names_of(__name__)
