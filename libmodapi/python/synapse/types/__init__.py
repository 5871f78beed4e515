"""Identifiers and other small values."""

import re
import string
from typing import Any, ClassVar, Dict, Iterable, Mapping, MutableMapping, Optional, Set, Tuple, Type, TypeVar, Union

import attr
from typing_extensions import TypedDict

from modapi_bridge.not_offered import names_of
from synapse.api.errors import Codes, SynapseError

JsonDict = Dict[str, Any]
JsonMapping = Mapping[str, Any]
JsonSerializable = object

_T = TypeVar("_T")
StateKey = Tuple[str, str]
StateMap = Mapping[StateKey, _T]
MutableStateMap = MutableMapping[StateKey, _T]

_Id = TypeVar("_Id", bound="DomainSpecificString")

_ALLOWED_IN_LOCALPART = set("_-./=+" + string.ascii_lowercase + string.digits)


def get_domain_from_id(id_: str) -> str:
    """What follows the first colon. Errors: SynapseError 400."""
    _, colon, domain = id_.partition(":")
    if not colon:
        raise SynapseError(400, "Invalid ID: %r" % (id_,))
    return domain


def get_localpart_from_id(id_: str) -> str:
    """What stands between the first character and the first colon. Errors: SynapseError 400."""
    localpart, colon, _ = id_.partition(":")
    if not colon:
        raise SynapseError(400, "Invalid ID: %r" % (id_,))
    return localpart[1:]


@attr.s(slots=True, frozen=True, repr=False, auto_attribs=True)
class DomainSpecificString:
    """An identifier with a sigil, a local part and a server."""

    SIGIL: ClassVar[str] = ""

    localpart: str
    domain: str

    def __copy__(self: _Id) -> _Id:
        return self

    def __deepcopy__(self: _Id, memo: Dict[int, Any]) -> _Id:
        return self

    @classmethod
    def from_string(cls: Type[_Id], s: str) -> _Id:
        """Reads one. Errors: SynapseError 400 M_INVALID_PARAM."""
        if not isinstance(s, str) or s[:1] != cls.SIGIL:
            raise SynapseError(400, "Expected %s string to start with '%s'" % (cls.__name__, cls.SIGIL), Codes.INVALID_PARAM)
        localpart, colon, domain = s[1:].partition(":")
        if not colon:
            raise SynapseError(
                400,
                "Expected %s of the form '%slocalname:domain'" % (cls.__name__, cls.SIGIL),
                Codes.INVALID_PARAM,
            )
        return cls(localpart, domain)

    def to_string(self) -> str:
        """The whole identifier."""
        return "%s%s:%s" % (self.SIGIL, self.localpart, self.domain)

    @classmethod
    def is_valid(cls: Type[_Id], s: str) -> bool:
        """Whether it can be read, and names a server that can be."""
        try:
            return bool(_SERVER_NAME.fullmatch(cls.from_string(s).domain))
        except Exception:
            return False

    def __str__(self) -> str:
        return self.to_string()

    __repr__ = __str__


_SERVER_NAME = re.compile(r"(?:[0-9A-Za-z.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@attr.s(slots=True, frozen=True, repr=False)
class UserID(DomainSpecificString):
    """Of a user: `@localpart:server`."""

    SIGIL: ClassVar[str] = "@"


@attr.s(slots=True, frozen=True, repr=False)
class RoomAlias(DomainSpecificString):
    """Of an alias: `#localpart:server`."""

    SIGIL: ClassVar[str] = "#"


@attr.s(slots=True, frozen=True, repr=False)
class RoomID(DomainSpecificString):
    """Of a room: `!localpart:server`."""

    SIGIL: ClassVar[str] = "!"


@attr.s(slots=True, frozen=True, repr=False)
class EventID(DomainSpecificString):
    """Of an event: `$localpart:server`."""

    SIGIL: ClassVar[str] = "$"


def contains_invalid_mxid_characters(localpart: str) -> bool:
    """Whether a local part has characters that user ids don't have."""
    return any(character not in _ALLOWED_IN_LOCALPART for character in localpart)


def map_username_to_mxid_localpart(username: Union[str, bytes], case_sensitive: bool = False) -> str:
    """The specification's way to make a local part of any name: other bytes as `=` and two digits."""
    data = username if isinstance(username, bytes) else username.encode()
    if case_sensitive:
        data = re.sub(b"[A-Z_]", lambda found: b"_" + found.group().lower(), data)
    else:
        data = data.lower()
    text = "".join(chr(byte) if chr(byte) in _ALLOWED_IN_LOCALPART and byte not in b"=+" else "=%02x" % byte for byte in data)
    return re.sub("^_", "=5f", text)


@attr.s(slots=True, frozen=True, auto_attribs=True)
class Requester:
    """Who asks for something."""

    user: UserID
    access_token_id: Optional[int] = None
    is_guest: bool = False
    scope: Set[str] = attr.Factory(set)
    shadow_banned: bool = False
    device_id: Optional[str] = None
    app_service: Any = None
    authenticated_entity: str = ""


def create_requester(
    user_id: Union[str, UserID],
    access_token_id: Optional[int] = None,
    is_guest: bool = False,
    scope: Iterable[str] = (),
    shadow_banned: bool = False,
    device_id: Optional[str] = None,
    app_service: Any = None,
    authenticated_entity: Optional[str] = None,
) -> Requester:
    """A requester for a user."""
    user = user_id if isinstance(user_id, UserID) else UserID.from_string(user_id)
    return Requester(
        user,
        access_token_id,
        is_guest,
        set(scope),
        shadow_banned,
        device_id,
        app_service,
        authenticated_entity or user.to_string(),
    )


class UserProfile(TypedDict):
    """A user as the directory shows them."""

    user_id: str
    display_name: Optional[str]
    avatar_url: Optional[str]


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ProfileInfo:
    """A user's profile."""

    avatar_url: Optional[str] = None
    display_name: Optional[str] = None


@attr.s(slots=True, frozen=True, auto_attribs=True, kw_only=True)
class UserInfo:
    """An account. Times are milliseconds since 1970."""

    user_id: UserID
    appservice_id: Optional[str] = None
    consent_server_notice_sent: Optional[str] = None
    consent_version: Optional[str] = None
    consent_ts: Optional[int] = None
    user_type: Optional[str] = None
    creation_ts: int = 0
    is_admin: bool = False
    is_deactivated: bool = False
    is_guest: bool = False
    is_shadow_banned: bool = False
    approved: bool = True
    locked: bool = False
    suspended: bool = False


class UserIpAndAgent(TypedDict):
    """Where a user was seen. `last_seen` is milliseconds since 1970."""

    ip: str
    user_agent: str
    last_seen: int


@attr.s(slots=True, frozen=True, auto_attribs=True)
class ThirdPartyInstanceID:
    """A network behind an application service."""

    appservice_id: Optional[str]
    network_id: Optional[str]


__getattr__ = names_of(__name__)
