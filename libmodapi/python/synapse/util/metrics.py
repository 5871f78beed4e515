"""Measuring. The homeserver measures callbacks itself; here nothing is counted."""

from functools import wraps
from typing import Any, Callable, Optional, TypeVar

from modapi_bridge.not_offered import names_of

F = TypeVar("F", bound=Callable[..., Any])


class Measure:
    """A piece of code that would be measured."""

    def __init__(self, clock: Any = None, name: str = "", **_: Any) -> None:
        self.name = name

    def __enter__(self) -> "Measure":
        return self

    def __exit__(self, *_: Any) -> None:
        pass


def measure_func(name: Optional[str] = None) -> Callable[[F], F]:
    """Decorates a coroutine function that would be measured."""

    def wrap(func: F) -> F:
        @wraps(func)
        async def measured(*args: Any, **kwargs: Any) -> Any:
            return await func(*args, **kwargs)

        return measured  # type: ignore[return-value]

    return wrap


__getattr__ = names_of(__name__)
