"""Events as clients get them."""

from typing import Any, Dict

from modapi_bridge.not_offered import names_of

_NOT_FOR_CLIENTS = ("auth_events", "prev_events", "hashes", "signatures", "depth", "origin", "prev_state")
_AT_THE_TOP_IN_V1 = ("age", "redacted_because", "replaces_state", "prev_content", "invite_room_state", "knock_room_state")


def format_event_for_client_v2(d: Dict[str, Any]) -> Dict[str, Any]:
    """Drops what only servers need; changes and gives the same dictionary."""
    for key in _NOT_FOR_CLIENTS:
        d.pop(key, None)
    return d


def format_event_for_client_v2_without_room_id(d: Dict[str, Any]) -> Dict[str, Any]:
    """As format_event_for_client_v2, without the room."""
    format_event_for_client_v2(d).pop("room_id", None)
    return d


def format_event_for_client_v1(d: Dict[str, Any]) -> Dict[str, Any]:
    """As format_event_for_client_v2, with some of `unsigned` and the sender at the top too."""
    format_event_for_client_v2(d)
    if d.get("sender") is not None:
        d["user_id"] = d["sender"]
    for key in _AT_THE_TOP_IN_V1:
        if key in d.get("unsigned", {}):
            d[key] = d["unsigned"][key]
    return d


def format_event_raw(d: Dict[str, Any]) -> Dict[str, Any]:
    """The dictionary itself."""
    return d


__getattr__ = names_of(__name__)
