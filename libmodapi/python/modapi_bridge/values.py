"""Values as both sides say them: JSON, and objects with one key that begins with `$` for what JSON has no word for."""

import base64
import enum
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import attr

from modapi_bridge import handles
from modapi_bridge.frozen import freeze, unfreeze
from modapi_bridge.state import StateMapping
from synapse.api.errors import Codes
from synapse.api.presence import UserPresenceState
from synapse.api.ratelimiting import RatelimitOverride
from synapse.events import EventBase, event_from_wire
from synapse.media._base import FileInfo, MediaUploadLimit
from synapse.media.media_storage import ReadableFileWrapper
from synapse.spam_checker_api import RegistrationBehaviour
from synapse.types import (
    DomainSpecificString,
    ProfileInfo,
    Requester,
    RoomAlias,
    RoomID,
    UserID,
    UserInfo,
)

_DEEPEST = 190  # of JSON's levels; what is put around an answer takes the rest of the frame's 200
_LARGEST_INTEGER = 2**63 - 1
ALL_USERS = "ALL"  # PRESENCE_ALL_USERS of the contract


class Arrived:
    """What came with a call whose changes go back with its answer."""

    __slots__ = ("events", "mutable")

    def __init__(self) -> None:
        self.events: List[EventBase] = []
        self.mutable: List[Tuple[int, Any, Any]] = []  # place among the arguments, the object, a copy of what it was

    def changes(self) -> Dict[str, Any]:
        """Members of the answer's message: `soft_failed` and `changed`, each only if there is something."""
        found: Dict[str, Any] = {}
        marked = [event.event_id for event in self.events if event.internal_metadata.was_soft_failed_by_module()]
        if marked:
            found["soft_failed"] = marked
        changed = {str(place): to_wire(value) for place, value, before in self.mutable if value != before}
        if changed:
            found["changed"] = changed
        return found


# ---------------------------------------------------------------------------------------------------------- to the host


def to_wire(value: Any, depth: int = 0, in_object: bool = False) -> Any:
    """A value for a message. A tuple within a dictionary is JSON's array: there it is no pair of the contract's.

    Errors: ValueError, for what is nested too deeply (also: contains itself) and integers beyond 64 bits.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is float:
        return value
    if kind is int:
        return _integer(value)
    _check_depth(depth)
    if kind is dict or isinstance(value, dict):
        return _dictionary(value, depth)
    if kind is list or (kind is tuple and in_object):
        return [to_wire(item, depth + 1, in_object) for item in value]
    if kind is tuple:
        return {"$tuple": [to_wire(item, depth + 2) for item in value]}
    if kind is set:
        return {"$set": [to_wire(item, depth + 2) for item in value]}
    for known, convert in _TO_WIRE:
        if isinstance(value, known):
            return convert(value, depth)
    if callable(value) or hasattr(value, "__aenter__"):
        return {"$handle": handles.keep(value)}
    return {"$none_of_these": kind.__name__}


def to_json(value: Any, depth: int = 0) -> Any:
    """JSON of what modules take for it: tuples are arrays, enumerations and ids are text. Errors: ValueError."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is float:
        return value
    if kind is int:
        return _integer(value)
    _check_depth(depth)
    if isinstance(value, enum.Enum):
        return to_json(value.value, depth)
    if isinstance(value, Mapping):
        return {_key(key): to_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item, depth + 1) for item in value]
    if isinstance(value, DomainSpecificString):
        return value.to_string()
    for plain in (str, bool, int, float):
        if isinstance(value, plain):
            return plain(value)
    raise ValueError("%s isn't JSON" % kind.__name__)


def argument_to_wire(value: Any) -> Any:
    """An argument of an operation: JSON, or bytes."""
    return _bytes(value, 0) if isinstance(value, (bytes, bytearray)) else to_json(value)


def _key(key: Any) -> str:
    """A key of JSON's object: text, or what Python's own writer makes text of."""
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(int(key))
    raise ValueError("a key that is %s isn't JSON" % type(key).__name__)


def _integer(value: int) -> int:
    if -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER:
        return value
    raise ValueError("an integer beyond 64 bits: it has %d" % value.bit_length())


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("it is nested deeper than %d levels, or contains itself" % _DEEPEST)


def _bytes(value: Any, _: int) -> Any:
    return {"$bytes": base64.b64encode(value).decode()}


def _dictionary(value: Dict[Any, Any], depth: int) -> Any:
    for key in value:
        if not isinstance(key, str) or isinstance(key, enum.Enum) or (len(value) == 1 and key.startswith("$")):
            return {"$dict": [[to_wire(name, depth + 3), to_wire(item, depth + 3, True)] for name, item in value.items()]}
    return {key: to_wire(item, depth + 1, True) for key, item in value.items()}


def _event(event: EventBase, _: int) -> Any:
    return {
        "$event": {
            "event": unfreeze(event.get_dict()),
            "event_id": event.event_id,
            "room_version": event.room_version.identifier,
        }
    }


def _requester(requester: Requester, _: int) -> Any:
    return {
        "$requester": {
            "user": requester.user.to_string(),
            "access_token_id": requester.access_token_id,
            "is_guest": requester.is_guest,
            "scope": sorted(requester.scope),
            "shadow_banned": requester.shadow_banned,
            "device_id": requester.device_id,
            "app_service": None,
            "authenticated_entity": requester.authenticated_entity,
        }
    }


def _attributes(tag: str) -> Callable[[Any, int], Any]:
    return lambda value, depth: {
        tag: {key: to_wire(item, depth + 2) for key, item in attr.asdict(value, recurse=False).items()}
    }


def _subclass_of(plain: Callable[[Any], Any]) -> Callable[[Any, int], Any]:
    return lambda value, depth: to_wire(plain(value), depth)


_TO_WIRE: List[Tuple[Any, Callable[[Any, int], Any]]] = [
    (Codes, lambda value, _: {"$code": value.value}),
    (RegistrationBehaviour, lambda value, _: {"$registration": value.value}),
    (enum.Enum, lambda value, depth: to_wire(value.value, depth + 1)),
    (EventBase, _event),
    (DomainSpecificString, lambda value, _: value.to_string()),
    (UserPresenceState, _attributes("$presence")),
    (ProfileInfo, _attributes("$profile")),
    (Requester, _requester),
    (MediaUploadLimit, _attributes("$upload_limit")),
    (RatelimitOverride, _attributes("$ratelimit")),
    ((bytes, bytearray, memoryview), _bytes),
    (StateMapping, lambda value, depth: _dictionary(dict(value), depth)),
    (bool, _subclass_of(bool)),
    (int, _subclass_of(lambda value: int.__add__(value, 0))),
    (float, _subclass_of(float)),
    (str, _subclass_of(lambda value: str.__str__(value))),
    (list, _subclass_of(list)),
    (tuple, _subclass_of(lambda value: tuple(value))),
    (frozenset, lambda value, depth: {"$frozenset": [to_wire(item, depth + 2) for item in value]}),
    (set, _subclass_of(set)),
]


# -------------------------------------------------------------------------------------------------------- from the host


def from_wire(value: Any, arrived: Optional[Arrived] = None, place: int = -1) -> Any:
    """The Python value of a message's. What stands in `$json`, `$event` and `$mutable` is taken as it is, whatever its keys."""
    kind = type(value)
    if kind is dict:
        if len(value) == 1:
            for tag, held in value.items():
                if tag[:1] == "$":
                    return _tagged(tag, held, arrived, place)
        return {key: from_wire(item, arrived) for key, item in value.items()}
    if kind is list:
        return [from_wire(item, arrived) for item in value]
    return value


def _tagged(tag: str, held: Any, arrived: Optional[Arrived], place: int) -> Any:
    if tag == "$event":
        event = event_from_wire(held)
        if arrived is not None:
            arrived.events.append(event)
        return event
    if tag == "$mutable":
        if arrived is not None:
            arrived.mutable.append((place, held, unfreeze(held)))
        return held
    convert = _FROM_WIRE.get(tag)
    if convert is None:
        raise ValueError("a value of an unknown kind, %s" % tag)
    return convert(held)


def _state(held: Dict[str, Any]) -> StateMapping:
    known = {(one[0], one[1]): None if one[2] is None else event_from_wire(one[2]) for one in held.get("known") or []}
    return StateMapping(held["handle"], known, bool(held.get("complete")), event_from_wire)


def _requester_of(held: Dict[str, Any]) -> Requester:
    user = UserID.from_string(held["user"])
    return Requester(
        user=user,
        access_token_id=held.get("access_token_id"),
        is_guest=bool(held.get("is_guest")),
        scope=set(held.get("scope") or ()),
        shadow_banned=bool(held.get("shadow_banned")),
        device_id=held.get("device_id"),
        app_service=held.get("app_service"),
        authenticated_entity=held.get("authenticated_entity") or user.to_string(),
    )


def _user_info(held: Dict[str, Any]) -> UserInfo:
    known: Dict[str, Any] = {name: held[name] for name in attr.fields_dict(UserInfo) if name in held}
    known["user_id"] = UserID.from_string(held["user_id"])
    return UserInfo(**known)


def _file(held: Dict[str, Any]) -> ReadableFileWrapper:
    return ReadableFileWrapper(path=held["path"])


_FROM_WIRE: Dict[str, Callable[[Any], Any]] = {
    "$json": lambda held: held,
    "$frozen": freeze,
    "$state": _state,
    "$state_events": lambda held: {(event.type, event.state_key): event for event in map(event_from_wire, held)},
    "$requester": _requester_of,
    "$user_profile": lambda held: dict(held),
    "$user_info": _user_info,
    "$user_ip_and_agent": lambda held: dict(held),
    "$profile": lambda held: ProfileInfo(avatar_url=held.get("avatar_url"), display_name=held.get("display_name")),
    "$presence": lambda held: UserPresenceState(**held),
    "$file": _file,
    "$file_info": FileInfo.from_wire,
    "$room_alias": lambda held: RoomAlias.from_string(held),
    "$user_id": lambda held: UserID.from_string(held),
    "$room_id": lambda held: RoomID.from_string(held),
    "$code": lambda held: Codes(held),
    "$registration": lambda held: RegistrationBehaviour(held),
    "$upload_limit": lambda held: MediaUploadLimit(**held),
    "$ratelimit": lambda held: RatelimitOverride(**held),
    "$bytes": lambda held: base64.b64decode(held),
    "$set": lambda held: {from_wire(item) for item in held},
    "$frozenset": lambda held: frozenset(from_wire(item) for item in held),
    "$tuple": lambda held: tuple(from_wire(item) for item in held),
    "$dict": lambda held: {from_wire(key): from_wire(item) for key, item in held},
    "$handle": lambda held: handles.find(held),
}
