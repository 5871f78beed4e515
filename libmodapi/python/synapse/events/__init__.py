"""Events."""

from typing import Any, Collection, Dict, ItemsView, KeysView, List, Mapping, Optional, ValuesView

from modapi_bridge.frozen import FrozenDict, freeze, unfreeze
from modapi_bridge.not_offered import names_of
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, EventFormatVersions, RoomVersion, RoomVersions


class _InternalMetadata:
    """What a server knows of an event beside it. A module may set `soft_failed`, which the homeserver then is told."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._came_soft_failed = bool(self._values.get("soft_failed"))
        self.stream_ordering: Optional[int] = values.get("stream_ordering")
        self.outlier: bool = bool(values.get("outlier"))

    @property
    def soft_failed(self) -> bool:
        """Whether the event is kept from clients and from what follows it."""
        return bool(self._values.get("soft_failed"))

    @soft_failed.setter
    def soft_failed(self, value: bool) -> None:
        self._values["soft_failed"] = bool(value)

    def was_soft_failed_by_module(self) -> bool:
        """Whether it became so here."""
        return self.soft_failed and not self._came_soft_failed

    def get_dict(self) -> Dict[str, Any]:
        """All that is known."""
        return dict(self._values)

    def is_outlier(self) -> bool:
        """Whether the event stands outside of the room's graph."""
        return self.outlier

    def is_soft_failed(self) -> bool:
        """As soft_failed."""
        return self.soft_failed

    def is_redacted(self) -> bool:
        """Whether it was redacted."""
        return bool(self._values.get("redacted"))

    def is_out_of_band_membership(self) -> bool:
        """Whether it is a membership in a room that the server isn't in."""
        return bool(self._values.get("out_of_band_membership"))

    def is_notifiable(self) -> bool:
        """Whether clients are told."""
        return not self.is_outlier() or self.is_out_of_band_membership()

    def get_send_on_behalf_of(self) -> Optional[str]:
        """The server whose user it is of, if another made it."""
        return self._values.get("send_on_behalf_of")

    @property
    def txn_id(self) -> Optional[str]:
        """The transaction id of the client that sent it."""
        return self._values.get("txn_id")

    @property
    def device_id(self) -> Optional[str]:
        """The device of the client that sent it."""
        return self._values.get("device_id")


class EventBase:
    """An event of a room. Its content can't be changed where the host says so, as in check_event_allowed."""

    def __init__(
        self,
        event_dict: Mapping[str, Any],
        room_version: RoomVersion,
        internal_metadata_dict: Optional[Mapping[str, Any]] = None,
        rejected_reason: Optional[str] = None,
        event_id: Optional[str] = None,
    ) -> None:
        self._dict = event_dict
        self._event_id = event_id
        self.room_version = room_version
        self.format_version = room_version.event_format
        self.internal_metadata = _InternalMetadata(internal_metadata_dict or {})
        self.rejected_reason = rejected_reason
        self._unsigned: Any = None

    def _part(self, name: str) -> Any:
        try:
            return self._dict[name]
        except KeyError:
            raise AttributeError("this event has no %s" % name) from None

    @property
    def type(self) -> str:
        """As in the event."""
        return self._part("type")  # type: ignore[no-any-return]

    @property
    def sender(self) -> str:
        """As in the event."""
        return self._part("sender")  # type: ignore[no-any-return]

    @property
    def user_id(self) -> str:
        """The sender, by the name it once had."""
        return self._part("sender")  # type: ignore[no-any-return]

    @property
    def room_id(self) -> str:
        """As in the event."""
        return self._part("room_id")  # type: ignore[no-any-return]

    @property
    def content(self) -> Any:
        """As in the event."""
        return self._part("content")

    @property
    def state_key(self) -> str:
        """As in the event; AttributeError if it has none."""
        return self._part("state_key")  # type: ignore[no-any-return]

    @property
    def origin_server_ts(self) -> int:
        """As in the event: milliseconds since 1970."""
        return self._part("origin_server_ts")  # type: ignore[no-any-return]

    @property
    def depth(self) -> int:
        """As in the event."""
        return self._part("depth")  # type: ignore[no-any-return]

    @property
    def hashes(self) -> Dict[str, str]:
        """As in the event."""
        return self._part("hashes")  # type: ignore[no-any-return]

    @property
    def signatures(self) -> Any:
        """As in the event."""
        return self._part("signatures")

    @property
    def unsigned(self) -> Any:
        """What isn't signed; a dictionary of this object's own."""
        if self._unsigned is None:
            self._unsigned = dict(self._dict.get("unsigned") or {})
        return self._unsigned

    @property
    def redacts(self) -> Optional[str]:
        """The event that this one redacts, wherever the room's version has that."""
        if "redacts" in self._dict:
            return self._dict["redacts"]  # type: ignore[no-any-return]
        return self.content.get("redacts")  # type: ignore[no-any-return]

    @property
    def membership(self) -> str:
        """Of a member event. Errors: KeyError."""
        return self.content["membership"]  # type: ignore[no-any-return]

    @property
    def event_id(self) -> str:
        """The event's id; AttributeError for one that has none yet."""
        if self._event_id is not None:
            return self._event_id
        return self._part("event_id")  # type: ignore[no-any-return]

    def is_state(self) -> bool:
        """Whether it has a state key."""
        return self._dict.get("state_key") is not None

    def get_state_key(self) -> Optional[str]:
        """The state key, or None."""
        return self._dict.get("state_key")

    def get(self, key: str, default: Any = None) -> Any:
        """A part of the event by its name."""
        return self._dict.get(key, default)

    def get_dict(self) -> Dict[str, Any]:
        """The event as a dictionary of one's own, whose nested values are the event's."""
        copied = dict(self._dict)
        copied["unsigned"] = dict(self.unsigned)
        if self.format_version == EventFormatVersions.ROOM_V1_V2 and self._event_id is not None:
            copied.setdefault("event_id", self._event_id)
        return copied

    def get_pdu_json(self, time_now: Optional[int] = None) -> Dict[str, Any]:
        """As it goes to other servers: with its age in the place of when it began."""
        copied = self.get_dict()
        if time_now is not None and "age_ts" in copied["unsigned"]:
            copied["unsigned"]["age"] = time_now - copied["unsigned"].pop("age_ts")
        copied["unsigned"].pop("redacted_because", None)
        return copied

    def get_internal_metadata_dict(self) -> Dict[str, Any]:
        """As internal_metadata.get_dict()."""
        return self.internal_metadata.get_dict()

    def prev_event_ids(self) -> List[str]:
        """The events before this one."""
        return _ids(self._dict.get("prev_events") or ())

    def auth_event_ids(self) -> Collection[str]:
        """The events that authorize this one."""
        return _ids(self._dict.get("auth_events") or ())

    def freeze(self) -> None:
        """Makes the content unchangeable."""
        self._dict = freeze(unfreeze(self._dict))

    def __getitem__(self, key: str) -> Any:
        return self._dict[key]

    def __contains__(self, key: str) -> bool:
        return key in self._dict

    def keys(self) -> KeysView[str]:
        """Names of the event's parts."""
        return self._dict.keys()

    def values(self) -> ValuesView[Any]:
        """The event's parts."""
        return self._dict.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and parts."""
        return self._dict.items()

    def __repr__(self) -> str:
        return "<%s event_id=%r, type=%r, state_key=%r>" % (
            type(self).__name__,
            self._event_id or self.get("event_id"),
            self.get("type"),
            self.get("state_key"),
        )


def _ids(held: Any) -> List[str]:
    """Of a list of ids, or of pairs of id and hashes as the first room versions have them."""
    return [one if isinstance(one, str) else one[0] for one in held]


class FrozenEvent(EventBase):
    """An event of room versions 1 and 2, frozen."""

    def __init__(
        self,
        event_dict: Mapping[str, Any],
        room_version: RoomVersion = RoomVersions.V1,
        internal_metadata_dict: Optional[Mapping[str, Any]] = None,
        rejected_reason: Optional[str] = None,
        event_id: Optional[str] = None,
    ) -> None:
        frozen = event_dict if isinstance(event_dict, FrozenDict) else freeze(unfreeze(event_dict))
        super().__init__(frozen, room_version, internal_metadata_dict, rejected_reason, event_id)


class FrozenEventV2(FrozenEvent):
    """An event of room version 3."""


class FrozenEventV3(FrozenEventV2):
    """An event of room versions from 4 on."""


def make_event_from_dict(
    event_dict: Mapping[str, Any],
    room_version: RoomVersion = RoomVersions.V1,
    internal_metadata_dict: Optional[Mapping[str, Any]] = None,
    rejected_reason: Optional[str] = None,
) -> EventBase:
    """An event of a dictionary. Without hashes there is no id, unless the dictionary has one."""
    event_id = event_dict.get("event_id")
    return EventBase(dict(event_dict), room_version, internal_metadata_dict, rejected_reason, event_id)


def event_from_wire(held: Mapping[str, Any]) -> EventBase:
    """The event of a message of the host's: `event`, `event_id`, and where needed `room_version`, `internal`, `frozen`."""
    event = held["event"]
    event_id = held.get("event_id") or event.get("event_id")
    version = KNOWN_ROOM_VERSIONS.get(str(held.get("room_version") or "10"), RoomVersions.V10)
    if held.get("frozen"):
        return FrozenEventV3(event, version, held.get("internal"), event_id=event_id)
    return EventBase(event, version, held.get("internal"), event_id=event_id)


__getattr__ = names_of(__name__)
