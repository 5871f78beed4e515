"""Texts."""

import secrets
import string
from typing import Optional

from modapi_bridge.not_offered import names_of

_LETTERS = string.ascii_letters
_WITH_SYMBOLS = string.digits + string.ascii_letters + ".,;:^&*-_+=#~@"


def random_string(length: int) -> str:
    """Letters that can't be guessed."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def random_string_with_symbols(length: int) -> str:
    """Letters, digits and symbols that can't be guessed."""
    return "".join(secrets.choice(_WITH_SYMBOLS) for _ in range(length))


def strtobool(val: str) -> bool:
    """Errors: ValueError."""
    word = val.lower()
    if word in ("y", "yes", "t", "true", "on", "1"):
        return True
    if word in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError("invalid truth value %r" % (val,))


def shortstr(iterable: object, maxitems: int = 5) -> str:
    """The first of many, for a log."""
    items = [str(item) for item in iterable]  # type: ignore[attr-defined]
    return "[%s%s]" % (", ".join(items[:maxitems]), ", ..." if len(items) > maxitems else "")


def non_null_str_or_none(val: object) -> Optional[str]:
    """The text if it is one without a zero byte."""
    return val if isinstance(val, str) and "\0" not in val else None


__getattr__ = names_of(__name__)
