"""What may be given up when its client goes."""

from typing import Callable, TypeVar

from modapi_bridge.not_offered import names_of

F = TypeVar("F", bound=Callable[..., object])


def cancellable(function: F) -> F:
    """Marks a handler of a web resource; here all go on to their end."""
    function.cancellable = True  # type: ignore[attr-defined]
    return function


__getattr__ = names_of(__name__)
