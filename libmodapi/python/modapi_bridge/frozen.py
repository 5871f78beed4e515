"""JSON that can't be changed: what several modules are shown, and none may alter."""

from typing import Any, Dict, NoReturn


class FrozenDict(Dict[Any, Any]):
    """A dictionary that refuses every change. `dict(frozen)` is a copy that can be changed, its nested values stay frozen."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this dictionary can't be changed: other modules see it too; change a copy, dict(...)")

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse  # type: ignore[assignment]
    clear = _refuse
    pop = _refuse  # type: ignore[assignment]
    popitem = _refuse
    setdefault = _refuse  # type: ignore[assignment]
    update = _refuse  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> Dict[Any, Any]:
        return dict(self)

    def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
        return unfreeze(self)

    def __reduce__(self) -> Any:
        return (FrozenDict, (dict(self),))


def freeze(value: Any) -> Any:
    """The same JSON as FrozenDict and tuples."""
    kind = type(value)
    if kind is dict:
        return FrozenDict((key, freeze(item)) for key, item in value.items())
    if kind is list or kind is tuple:
        return tuple(freeze(item) for item in value)
    return value


def unfreeze(value: Any) -> Any:
    """A copy of JSON that can be changed throughout: dictionaries and lists."""
    if isinstance(value, dict):
        return {key: unfreeze(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [unfreeze(item) for item in value]
    return value
