"""Objects that stay in this process while the host knows them by a number: callbacks, response callbacks, context managers."""

from typing import Any, Dict

_kept: Dict[int, Any] = {}
_last = 0


def keep(value: Any) -> int:
    """A number for an object, which lives until `release`."""
    global _last
    _last += 1
    _kept[_last] = value
    return _last


def find(handle: Any) -> Any:
    """The object of a number. Errors: LookupError."""
    try:
        return _kept[handle]
    except (KeyError, TypeError):
        raise LookupError("nothing is kept under the handle %r" % (handle,)) from None


def release(handle: Any) -> None:
    """Forgets an object; one that is forgotten already is none's concern."""
    _kept.pop(handle, None)


def count() -> int:
    """How many objects are kept."""
    return len(_kept)
