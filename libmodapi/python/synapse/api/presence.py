"""The presence of users."""

from typing import Any, Dict, Optional

import attr

from modapi_bridge.not_offered import names_of


@attr.s(slots=True, frozen=True, auto_attribs=True)
class UserPresenceState:
    """What is known of a user's presence. Times are milliseconds since 1970."""

    user_id: str
    state: str
    last_active_ts: int
    last_federation_update_ts: int
    last_user_sync_ts: int
    status_msg: Optional[str]
    currently_active: bool

    def as_dict(self) -> Dict[str, Any]:
        """All fields."""
        return attr.asdict(self)

    def copy_and_replace(self, **kwargs: Any) -> "UserPresenceState":
        """The same with other values in some fields."""
        return attr.evolve(self, **kwargs)

    @classmethod
    def default(cls, user_id: str) -> "UserPresenceState":
        """Of a user of whom nothing is known."""
        return cls(user_id, "offline", 0, 0, 0, None, False)


__getattr__ = names_of(__name__)
