"""Errors as both sides say them, and as Python raises them."""

import base64
import binascii
import builtins
import sqlite3
import traceback
from typing import Any, Dict, Type

from twisted.internet.defer import CancelledError

from modapi_bridge.not_offered import NotOffered
from synapse.api import errors as api
from synapse.config._base import ConfigError

_LONGEST_TEXT = 4096
_LONGEST_TRACEBACK = 16384


class HostError(RuntimeError):
    """An error of the host that has no class here; `class_name` is what the host calls it."""

    def __init__(self, class_name: str, text: str) -> None:
        super().__init__("%s: %s" % (class_name, text))
        self.class_name = class_name


def _text_of(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as second:
        text = "(its text can't be had: %s)" % type(second).__name__
    return readable(text)[:_LONGEST_TEXT]


def readable(text: str) -> str:
    """Text without lone surrogates, which UTF-8 can't say."""
    return text.encode("utf-8", "backslashreplace").decode()


def traceback_of(error: BaseException) -> str:
    """The error's traceback, without the bridge's own frames at its top."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and "/modapi_bridge/" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, frames))
    except BaseException as second:
        text = "(no traceback: %s)" % type(second).__name__
    return readable(text)[-_LONGEST_TRACEBACK:]


def to_wire(error: BaseException) -> Dict[str, Any]:
    """An error as the host is told."""
    name = type(error).__name__
    if isinstance(error, api.SynapseError):
        return {
            "kind": "synapse",
            "class": name,
            "status": int(error.code),
            "errcode": str(getattr(error.errcode, "value", error.errcode)),
            "error": readable(str(error.msg)),
            "fields": dict(error.additional_fields),
            "headers": {str(key): str(value) for key, value in (error.headers or {}).items()},
        }
    if isinstance(error, api.RedirectException):
        return {
            "kind": "redirect",
            "status": int(error.code),
            "location": error.location.decode("utf-8", "replace"),
            "cookies": [cookie.decode("utf-8", "replace") for cookie in error.cookies],
        }
    if isinstance(error, api.HttpResponseException):
        return {
            "kind": "http_response",
            "status": int(error.code),
            "message": readable(str(error.msg)),
            "headers": {},
            "body": base64.b64encode(error.response).decode(),
        }
    if isinstance(error, ConfigError):
        return {"kind": "config", "text": _text_of(error), "path": [str(part) for part in error.path or ()]}
    if isinstance(error, sqlite3.Error):
        return {"kind": "sql", "class": name, "text": _text_of(error)}
    if isinstance(error, CancelledError):
        return {"kind": "cancelled"}
    if isinstance(error, NotOffered):
        return {"kind": "not_offered", "text": _text_of(error), "traceback": traceback_of(error)}
    return {"kind": "exception", "class": name, "text": _text_of(error), "traceback": traceback_of(error)}


def from_wire(error: Any) -> BaseException:
    """The exception for an error of the host. What can't be understood is a HostError."""
    try:
        return _from_wire(error)
    except Exception as second:
        return HostError("Error", "it can't be understood: %s" % second)


def _from_wire(error: Dict[str, Any]) -> BaseException:
    kind = error.get("kind")
    text = str(error.get("text", ""))
    if kind == "synapse":
        return _synapse_error(error)
    if kind == "http_response":
        try:
            body = base64.b64decode(error.get("body") or "")
        except binascii.Error:
            body = b""
        return api.HttpResponseException(int(error.get("status", 500)), str(error.get("message", "")), body)
    if kind == "redirect":
        return api.RedirectException(str(error.get("location", "")).encode(), int(error.get("status", 302)))
    if kind == "sql":
        return sql_error(error)
    if kind == "cancelled":
        return CancelledError()
    if kind == "not_offered":
        return NotOffered(str(error.get("what") or text))
    if kind == "config":
        return ConfigError(text, error.get("path"))
    name = str(error.get("class", "Error"))
    if name in _OF_PYTHON:
        return getattr(builtins, name)(text)  # type: ignore[no-any-return]
    if name in _OF_THE_CONTRACT:
        return getattr(api, name)(text)  # type: ignore[no-any-return]
    return HostError(name, text)


_OF_PYTHON = ("KeyError", "LookupError", "PermissionError", "RuntimeError", "TimeoutError", "TypeError", "ValueError")
_OF_THE_CONTRACT = (
    "ExternalIDReuseException",
    "InvalidRuleException",
    "RequestTimedOutError",
    "RuleNotFoundException",
    "ShadowBanError",
)


def _synapse_error(error: Dict[str, Any]) -> api.SynapseError:
    named: Any = vars(api).get(str(error.get("class", "SynapseError")))
    kind: Type[api.SynapseError] = api.SynapseError
    if isinstance(named, type) and issubclass(named, api.SynapseError):
        kind = named
    made = kind.__new__(kind)
    errcode = str(error.get("errcode", "M_UNKNOWN"))
    try:
        errcode = api.Codes(errcode)
    except ValueError:
        pass
    api.SynapseError.__init__(
        made,
        int(error.get("status", 500)),
        str(error.get("error", "")),
        errcode,
        additional_fields=error.get("fields") or None,
        headers=error.get("headers") or None,
    )
    if isinstance(made, api.LimitExceededError):
        made.limiter_name = ""
        made.retry_after_ms = made.additional_fields.get("retry_after_ms")
    return made


def sql_error(error: Dict[str, Any]) -> sqlite3.Error:
    """An error of the database, as the class of that name in sqlite3, which has all of the DB-API's."""
    kind: Any = getattr(sqlite3, str(error.get("class", "")), sqlite3.DatabaseError)
    if not (isinstance(kind, type) and issubclass(kind, sqlite3.Error)):
        kind = sqlite3.DatabaseError
    made: sqlite3.Error = kind(str(error.get("text", "")))
    made.may_be_retried = bool(error.get("retry"))  # type: ignore[attr-defined]
    return made
