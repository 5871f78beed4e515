"""The versions of rooms."""

from typing import Dict

import attr

from modapi_bridge.not_offered import names_of


class EventFormatVersions:
    """How events of a room are laid out: with ids of their own, hashes as ids, and those in URL-safe letters."""

    ROOM_V1_V2 = 1
    ROOM_V3 = 2
    ROOM_V4_PLUS = 3


class RoomDisposition:
    """Whether a version is fit for use."""

    STABLE = "stable"
    UNSTABLE = "unstable"


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RoomVersion:
    """A version of rooms."""

    identifier: str
    disposition: str
    event_format: int
    knock_join_rule: bool = False
    restricted_join_rule: bool = False
    knock_restricted_join_rule: bool = False
    implicit_room_creator: bool = False
    updated_redaction_rules: bool = False


def _version(number: int) -> RoomVersion:
    return RoomVersion(
        identifier=str(number),
        disposition=RoomDisposition.STABLE,
        event_format=1 if number < 3 else 2 if number == 3 else 3,
        knock_join_rule=number >= 7,
        restricted_join_rule=number >= 8,
        knock_restricted_join_rule=number >= 10,
        implicit_room_creator=number >= 11,
        updated_redaction_rules=number >= 11,
    )


class RoomVersions:
    """Each by its name."""

    V1 = _version(1)
    V2 = _version(2)
    V3 = _version(3)
    V4 = _version(4)
    V5 = _version(5)
    V6 = _version(6)
    V7 = _version(7)
    V8 = _version(8)
    V9 = _version(9)
    V10 = _version(10)
    V11 = _version(11)


KNOWN_ROOM_VERSIONS: Dict[str, RoomVersion] = {str(number): _version(number) for number in range(1, 12)}

__getattr__ = names_of(__name__)
