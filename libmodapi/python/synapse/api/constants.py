"""Names of the Matrix specification."""

from modapi_bridge.not_offered import names_of

MAX_ALIAS_LENGTH = 255
MAX_USERID_LENGTH = 255
MAX_PDU_SIZE = 65536
MAX_DEPTH = 2**63 - 1


class Membership:
    """Values of a member event's `membership`."""

    INVITE = "invite"
    JOIN = "join"
    KNOCK = "knock"
    LEAVE = "leave"
    BAN = "ban"
    LIST = frozenset((INVITE, JOIN, KNOCK, LEAVE, BAN))


class PresenceState:
    """Values of a user's presence."""

    OFFLINE = "offline"
    UNAVAILABLE = "unavailable"
    ONLINE = "online"
    BUSY = "org.matrix.msc3026.busy"


class JoinRules:
    """Values of `join_rule`."""

    PUBLIC = "public"
    KNOCK = "knock"
    INVITE = "invite"
    PRIVATE = "private"
    RESTRICTED = "restricted"
    KNOCK_RESTRICTED = "knock_restricted"


class RestrictedJoinRuleTypes:
    """Types in the `allow` of a restricted room."""

    ROOM_MEMBERSHIP = "m.room_membership"


class LoginType:
    """Types of logins, and of stages of authentication."""

    PASSWORD = "m.login.password"
    EMAIL_IDENTITY = "m.login.email.identity"
    MSISDN = "m.login.msisdn"
    RECAPTCHA = "m.login.recaptcha"
    TERMS = "m.login.terms"
    SSO = "m.login.sso"
    DUMMY = "m.login.dummy"
    TOKEN = "m.login.token"
    REGISTRATION_TOKEN = "m.login.registration_token"


APP_SERVICE_REGISTRATION_TYPE = "m.login.application_service"


class EventTypes:
    """Types of events."""

    Member = "m.room.member"
    Create = "m.room.create"
    Tombstone = "m.room.tombstone"
    JoinRules = "m.room.join_rules"
    PowerLevels = "m.room.power_levels"
    Aliases = "m.room.aliases"
    Redaction = "m.room.redaction"
    ThirdPartyInvite = "m.room.third_party_invite"
    RoomHistoryVisibility = "m.room.history_visibility"
    CanonicalAlias = "m.room.canonical_alias"
    Encrypted = "m.room.encrypted"
    RoomAvatar = "m.room.avatar"
    RoomEncryption = "m.room.encryption"
    GuestAccess = "m.room.guest_access"
    Message = "m.room.message"
    Topic = "m.room.topic"
    Name = "m.room.name"
    ServerACL = "m.room.server_acl"
    Pinned = "m.room.pinned_events"
    Retention = "m.room.retention"
    Dummy = "org.matrix.dummy_event"
    SpaceChild = "m.space.child"
    SpaceParent = "m.space.parent"
    Reaction = "m.reaction"
    Sticker = "m.sticker"
    LiveLocation = "m.beacon_info"
    CallInvite = "m.call.invite"
    PollStart = "m.poll.start"


class ToDeviceEventTypes:
    """Types of messages to devices."""

    RoomKeyRequest = "m.room_key_request"


class EduTypes:
    """Types of what servers tell each other beside events."""

    PRESENCE = "m.presence"
    TYPING = "m.typing"
    RECEIPT = "m.receipt"
    DEVICE_LIST_UPDATE = "m.device_list_update"
    SIGNING_KEY_UPDATE = "m.signing_key_update"
    DIRECT_TO_DEVICE = "m.direct_to_device"


class RejectedReason:
    """Why an event was rejected."""

    AUTH_ERROR = "auth_error"


class RoomCreationPreset:
    """Values of `preset` when a room is made."""

    PRIVATE_CHAT = "private_chat"
    PUBLIC_CHAT = "public_chat"
    TRUSTED_PRIVATE_CHAT = "trusted_private_chat"


class ThirdPartyEntityKind:
    """What third-party networks have."""

    USER = "user"
    LOCATION = "location"


class UserTypes:
    """Special kinds of accounts."""

    SUPPORT = "support"
    BOT = "bot"
    ALL_USER_TYPES = (SUPPORT, BOT)


class RelationTypes:
    """Values of `rel_type`."""

    ANNOTATION = "m.annotation"
    REPLACE = "m.replace"
    REFERENCE = "m.reference"
    THREAD = "m.thread"


class RoomTypes:
    """Types of rooms."""

    SPACE = "m.space"


class RoomEncryptionAlgorithms:
    """Values of `algorithm`."""

    MEGOLM_V1_AES_SHA2 = "m.megolm.v1.aes-sha2"
    DEFAULT = MEGOLM_V1_AES_SHA2


class AccountDataTypes:
    """Types of account data."""

    DIRECT = "m.direct"
    IGNORED_USER_LIST = "m.ignored_user_list"
    TAG = "m.tag"
    PUSH_RULES = "m.push_rules"


class HistoryVisibility:
    """Values of `history_visibility`."""

    INVITED = "invited"
    JOINED = "joined"
    SHARED = "shared"
    WORLD_READABLE = "world_readable"


class GuestAccess:
    """Values of `guest_access`."""

    CAN_JOIN = "can_join"
    FORBIDDEN = "forbidden"


class ReceiptTypes:
    """Types of read receipts."""

    READ = "m.read"
    READ_PRIVATE = "m.read.private"
    FULLY_READ = "m.fully_read"


class EventContentFields:
    """Keys in the content of events."""

    LABELS = "org.matrix.labels"
    SELF_DESTRUCT_AFTER = "org.matrix.self_destruct_after"
    FEDERATE = "m.federate"
    ROOM_CREATOR = "creator"
    ROOM_TYPE = "type"
    ROOM_VERSION = "room_version"
    GUEST_ACCESS = "guest_access"
    AUTHORISING_USER = "join_authorised_via_users_server"
    JOIN_RULE = "join_rule"
    MEMBERSHIP = "membership"
    MEMBERSHIP_DISPLAYNAME = "displayname"
    MEMBERSHIP_AVATAR_URL = "avatar_url"
    ENCRYPTION_ALGORITHM = "algorithm"
    TOMBSTONE_SUCCESSOR_ROOM = "replacement_room"
    TOPIC = "topic"
    ROOM_NAME = "name"
    RELATIONS = "m.relates_to"


class PublicRoomsFilterFields:
    """Keys of a search in the list of public rooms."""

    GENERIC_SEARCH_TERM = "generic_search_term"
    ROOM_TYPES = "room_types"


__getattr__ = names_of(__name__)
