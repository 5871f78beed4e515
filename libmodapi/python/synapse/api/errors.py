"""Errors that become an answer to a client, and their codes."""

import json
from enum import Enum
from http import HTTPStatus
from typing import Any, Dict, List, Optional, Union

from modapi_bridge.not_offered import names_of


class Codes(str, Enum):
    """The error codes of the protocol."""

    UNRECOGNIZED = "M_UNRECOGNIZED"
    UNAUTHORIZED = "M_UNAUTHORIZED"
    FORBIDDEN = "M_FORBIDDEN"
    BAD_JSON = "M_BAD_JSON"
    NOT_JSON = "M_NOT_JSON"
    USER_IN_USE = "M_USER_IN_USE"
    ROOM_IN_USE = "M_ROOM_IN_USE"
    BAD_PAGINATION = "M_BAD_PAGINATION"
    BAD_STATE = "M_BAD_STATE"
    UNKNOWN = "M_UNKNOWN"
    NOT_FOUND = "M_NOT_FOUND"
    MISSING_TOKEN = "M_MISSING_TOKEN"
    UNKNOWN_TOKEN = "M_UNKNOWN_TOKEN"
    GUEST_ACCESS_FORBIDDEN = "M_GUEST_ACCESS_FORBIDDEN"
    LIMIT_EXCEEDED = "M_LIMIT_EXCEEDED"
    CAPTCHA_NEEDED = "M_CAPTCHA_NEEDED"
    CAPTCHA_INVALID = "M_CAPTCHA_INVALID"
    MISSING_PARAM = "M_MISSING_PARAM"
    INVALID_PARAM = "M_INVALID_PARAM"
    TOO_LARGE = "M_TOO_LARGE"
    EXCLUSIVE = "M_EXCLUSIVE"
    THREEPID_AUTH_FAILED = "M_THREEPID_AUTH_FAILED"
    THREEPID_IN_USE = "M_THREEPID_IN_USE"
    THREEPID_NOT_FOUND = "M_THREEPID_NOT_FOUND"
    THREEPID_DENIED = "M_THREEPID_DENIED"
    INVALID_USERNAME = "M_INVALID_USERNAME"
    SERVER_NOT_TRUSTED = "M_SERVER_NOT_TRUSTED"
    CONSENT_NOT_GIVEN = "M_CONSENT_NOT_GIVEN"
    CANNOT_LEAVE_SERVER_NOTICE_ROOM = "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"
    RESOURCE_LIMIT_EXCEEDED = "M_RESOURCE_LIMIT_EXCEEDED"
    UNSUPPORTED_ROOM_VERSION = "M_UNSUPPORTED_ROOM_VERSION"
    INCOMPATIBLE_ROOM_VERSION = "M_INCOMPATIBLE_ROOM_VERSION"
    WRONG_ROOM_KEYS_VERSION = "M_WRONG_ROOM_KEYS_VERSION"
    PASSWORD_TOO_SHORT = "M_PASSWORD_TOO_SHORT"
    PASSWORD_NO_DIGIT = "M_PASSWORD_NO_DIGIT"
    PASSWORD_NO_UPPERCASE = "M_PASSWORD_NO_UPPERCASE"
    PASSWORD_NO_LOWERCASE = "M_PASSWORD_NO_LOWERCASE"
    PASSWORD_NO_SYMBOL = "M_PASSWORD_NO_SYMBOL"
    PASSWORD_IN_DICTIONARY = "M_PASSWORD_IN_DICTIONARY"
    WEAK_PASSWORD = "M_WEAK_PASSWORD"
    INVALID_SIGNATURE = "M_INVALID_SIGNATURE"
    USER_DEACTIVATED = "M_USER_DEACTIVATED"
    NOT_YET_UPLOADED = "M_NOT_YET_UPLOADED"
    CANNOT_OVERWRITE_MEDIA = "M_CANNOT_OVERWRITE_MEDIA"
    BAD_ALIAS = "M_BAD_ALIAS"
    UNABLE_TO_GRANT_JOIN = "M_UNABLE_TO_GRANT_JOIN"
    DUPLICATE_ANNOTATION = "M_DUPLICATE_ANNOTATION"
    THREEPID_MEDIUM_NOT_SUPPORTED = "M_THREEPID_MEDIUM_NOT_SUPPORTED"
    UNKNOWN_POS = "M_UNKNOWN_POS"
    PROFILE_TOO_LARGE = "M_PROFILE_TOO_LARGE"
    KEY_TOO_LARGE = "M_KEY_TOO_LARGE"
    INVITE_BLOCKED = "M_INVITE_BLOCKED"
    EXPIRED_ACCOUNT = "ORG_MATRIX_EXPIRED_ACCOUNT"
    USER_LOCKED = "ORG_MATRIX_MSC3939_USER_LOCKED"
    USER_ACCOUNT_SUSPENDED = "ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED"
    ALREADY_JOINED = "ORG.MATRIX.MSC3848.ALREADY_JOINED"
    NOT_JOINED = "ORG.MATRIX.MSC3848.NOT_JOINED"
    INSUFFICIENT_POWER = "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER"
    UNABLE_AUTHORISE_JOIN = "M_UNABLE_TO_AUTHORISE_JOIN"
    UNREDACTED_CONTENT_DELETED = "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED"
    UNABLE_DUE_TO_PARTIAL_STATE = "ORG.MATRIX.MSC3895_UNABLE_DUE_TO_PARTIAL_STATE"
    USER_AWAITING_APPROVAL = "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL"
    AS_PING_URL_NOT_SET = "M_URL_NOT_SET"
    AS_PING_BAD_STATUS = "M_BAD_STATUS"
    AS_PING_CONNECTION_TIMEOUT = "M_CONNECTION_TIMEOUT"
    AS_PING_CONNECTION_FAILED = "M_CONNECTION_FAILED"
    APPSERVICE_LOGIN_UNSUPPORTED = "IO.ELEMENT.MSC4190.M_APPSERVICE_LOGIN_UNSUPPORTED"
    MSC4306_NOT_IN_THREAD = "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD"
    UNKNOWN_DEVICE = "ORG.MATRIX.MSC4326.M_UNKNOWN_DEVICE"


def cs_error(msg: str, code: str = "M_UNKNOWN", **kwargs: Any) -> Dict[str, Any]:
    """The body of an error."""
    return {"error": msg, "errcode": str(getattr(code, "value", code)), **kwargs}


class CodeMessageException(RuntimeError):
    """An HTTP status and a text."""

    def __init__(self, code: Union[int, HTTPStatus], msg: str, headers: Optional[Dict[str, str]] = None) -> None:
        super().__init__("%d: %s" % (code, msg))
        self.code = int(code)
        self.msg = msg
        self.headers = headers


class RedirectException(CodeMessageException):
    """Sends the client of an HTML resource elsewhere."""

    def __init__(self, location: Union[bytes, str], http_code: int = HTTPStatus.FOUND) -> None:
        self.location = location.encode() if isinstance(location, str) else location
        self.cookies: List[bytes] = []
        super().__init__(http_code, "Redirect to %s" % self.location.decode("utf-8", "replace"))


class SynapseError(CodeMessageException):
    """An error for the client: status, text and code; `additional_fields` go into the body, over the others."""

    def __init__(
        self,
        code: int,
        msg: str,
        errcode: str = Codes.UNKNOWN,
        additional_fields: Optional[Dict[str, Any]] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> None:
        super().__init__(code, msg, headers)
        self.errcode = errcode
        self._additional_fields: Dict[str, Any] = dict(additional_fields) if additional_fields else {}

    @property
    def additional_fields(self) -> Dict[str, Any]:
        """What the body has beside text and code."""
        return self._additional_fields

    def error_dict(self, config: Any = None) -> Dict[str, Any]:
        """The body."""
        return cs_error(self.msg, self.errcode, **self._additional_fields)

    @property
    def debug_context(self) -> Optional[str]:
        """More for a log; none."""
        return None


class InvalidAPICallError(SynapseError):
    """400 M_BAD_JSON."""

    def __init__(self, msg: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, msg, Codes.BAD_JSON)


class ProxiedRequestError(SynapseError):
    """An error that another server gave."""

    def __init__(
        self, code: int, msg: str, errcode: str = Codes.UNKNOWN, additional_fields: Optional[Dict[str, Any]] = None
    ) -> None:
        super().__init__(code, msg, errcode, additional_fields)


class UserDeactivatedError(SynapseError):
    """403 M_USER_DEACTIVATED."""

    def __init__(self, msg: str) -> None:
        super().__init__(HTTPStatus.FORBIDDEN, msg, Codes.USER_DEACTIVATED)


class UnrecognizedRequestError(SynapseError):
    """404 M_UNRECOGNIZED."""

    def __init__(self, msg: str = "Unrecognized request", code: int = 404) -> None:
        super().__init__(code, msg, Codes.UNRECOGNIZED)


class NotFoundError(SynapseError):
    """404 M_NOT_FOUND."""

    def __init__(self, msg: str = "Not found", errcode: str = Codes.NOT_FOUND) -> None:
        super().__init__(404, msg, errcode)


class AuthError(SynapseError):
    """An error of authentication or authorization; M_FORBIDDEN unless said otherwise."""

    def __init__(
        self, code: int, msg: str, errcode: str = Codes.FORBIDDEN, additional_fields: Optional[Dict[str, Any]] = None
    ) -> None:
        super().__init__(code, msg, errcode, additional_fields)


class InvalidClientCredentialsError(SynapseError):
    """401: who asks couldn't be seen."""

    def __init__(self, msg: str, errcode: str) -> None:
        super().__init__(code=401, msg=msg, errcode=errcode)


class MissingClientTokenError(InvalidClientCredentialsError):
    """401 M_MISSING_TOKEN."""

    def __init__(self, msg: str = "Missing access token") -> None:
        super().__init__(msg=msg, errcode=Codes.MISSING_TOKEN)


class InvalidClientTokenError(InvalidClientCredentialsError):
    """401 M_UNKNOWN_TOKEN."""

    def __init__(self, msg: str = "Unrecognised access token", soft_logout: bool = False) -> None:
        super().__init__(msg=msg, errcode=Codes.UNKNOWN_TOKEN)
        self._soft_logout = soft_logout
        self._additional_fields["soft_logout"] = soft_logout


class ResourceLimitError(SynapseError):
    """A limit of the whole server is reached."""

    def __init__(
        self,
        code: int,
        msg: str,
        errcode: str = Codes.RESOURCE_LIMIT_EXCEEDED,
        admin_contact: Optional[str] = None,
        limit_type: Optional[str] = None,
    ) -> None:
        super().__init__(code, msg, errcode, {"admin_contact": admin_contact, "limit_type": limit_type})


class EventSizeError(SynapseError):
    """413 M_TOO_LARGE."""

    def __init__(self, msg: str, unpersistable: bool = False) -> None:
        super().__init__(413, msg, Codes.TOO_LARGE)
        self.unpersistable = unpersistable


class StoreError(SynapseError):
    """The database doesn't have what was asked for."""


class LimitExceededError(SynapseError):
    """429 M_LIMIT_EXCEEDED. The first argument is a limiter's name, or, as it once was, the status."""

    def __init__(
        self,
        limiter_name: Union[str, int] = "",
        code: Union[int, str] = 429,
        retry_after_ms: Optional[int] = None,
        errcode: str = Codes.LIMIT_EXCEEDED,
        pause: Optional[float] = None,
        msg: str = "Too Many Requests",
    ) -> None:
        if isinstance(limiter_name, int):
            limiter_name, code, msg = "", limiter_name, code if isinstance(code, str) else msg
        fields = {} if retry_after_ms is None else {"retry_after_ms": retry_after_ms}
        headers = None if retry_after_ms is None else {"Retry-After": str(max(0, -(-int(retry_after_ms) // 1000)))}
        super().__init__(code if isinstance(code, int) else 429, msg, errcode, fields, headers)
        self.limiter_name = limiter_name
        self.retry_after_ms = retry_after_ms


class HttpResponseException(CodeMessageException):
    """What another server answered, if it wasn't 2xx: status, reason and body."""

    def __init__(self, code: int, msg: str, response: bytes) -> None:
        super().__init__(code, msg)
        self.response = response

    def to_synapse_error(self) -> SynapseError:
        """The same as an error for one's own client."""
        try:
            body = json.loads(self.response)
        except ValueError:
            body = {}
        if not isinstance(body, dict):
            body = {}
        errcode = body.pop("errcode", Codes.UNKNOWN)
        return ProxiedRequestError(self.code, body.pop("error", self.msg), errcode, body)


class ShadowBanError(Exception):
    """What was asked for isn't done, and the client mustn't notice."""


class RequestSendFailed(RuntimeError):
    """A request couldn't be sent at all."""

    def __init__(self, inner_exception: BaseException, can_retry: bool) -> None:
        super().__init__("Failed to send request: %s: %s" % (type(inner_exception).__name__, inner_exception))
        self.inner_exception = inner_exception
        self.can_retry = can_retry


class RequestTimedOutError(SynapseError):
    """504: another server didn't answer in time."""

    def __init__(self, msg: str) -> None:
        super().__init__(504, msg)


class InvalidRuleException(Exception):
    """A push rule, or its actions, that can't be."""


class RuleNotFoundException(Exception):
    """No such push rule."""


class ExternalIDReuseException(Exception):
    """An id of an identity provider that belongs to another user already."""


__getattr__ = names_of(__name__)
