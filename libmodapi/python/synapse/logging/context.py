"""Running things so that it stays known for whom. Here context variables see to it, so most of these do little."""

import contextvars
import inspect
import logging
from typing import Any, Awaitable, Callable, Optional, TypeVar, Union

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.threads import deferToThreadPool

from modapi_bridge.not_offered import names_of

logger = logging.getLogger(__name__)
R = TypeVar("R")


class LoggingContext:
    """A name for a piece of work."""

    def __init__(
        self, name: Optional[str] = None, parent_context: Optional["LoggingContext"] = None, request: Any = None, **_: Any
    ) -> None:
        self.name = name or ""
        self.parent_context = parent_context
        self.request = request

    def __str__(self) -> str:
        return self.name

    def __enter__(self) -> "LoggingContext":
        self._token = _context.set(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _context.reset(self._token)


LoggingContextOrSentinel = Union[LoggingContext, Any]
SENTINEL_CONTEXT = LoggingContext("sentinel")
_context: "contextvars.ContextVar[LoggingContext]" = contextvars.ContextVar("logging context", default=SENTINEL_CONTEXT)


class PreserveLoggingContext:
    """Code within runs in another context."""

    def __init__(self, new_context: LoggingContext = SENTINEL_CONTEXT) -> None:
        self._new_context = new_context

    def __enter__(self) -> None:
        self._token = _context.set(self._new_context)

    def __exit__(self, *_: Any) -> None:
        _context.reset(self._token)


def current_context() -> LoggingContext:
    """The context that runs."""
    return _context.get()


def set_current_context(context: LoggingContext) -> LoggingContext:
    """Changes the context; gives the one before."""
    before = _context.get()
    _context.set(context)
    return before


def nested_logging_context(suffix: str) -> LoggingContext:
    """A context below the one that runs."""
    parent = current_context()
    return LoggingContext("%s-%s" % (parent.name, suffix), parent_context=parent)


def run_in_background(f: Callable[..., Any], *args: Any, **kwargs: Any) -> "Deferred[Any]":
    """Starts a function, whether it gives a value, a coroutine or a Deferred; the Deferred gets its result."""
    try:
        result = f(*args, **kwargs)
    except Exception:
        return fail()
    if inspect.iscoroutine(result):
        return ensureDeferred(result)
    if isinstance(result, Deferred):
        return result
    if inspect.isawaitable(result):
        return ensureDeferred(_await(result))
    return succeed(result)


async def _await(awaitable: Awaitable[R]) -> R:
    return await awaitable


def preserve_fn(f: Callable[..., Any]) -> Callable[..., "Deferred[Any]"]:
    """The function, begun as run_in_background does."""
    return lambda *args, **kwargs: run_in_background(f, *args, **kwargs)


def run_coroutine_in_background(coroutine: Any) -> "Deferred[Any]":
    """Starts a coroutine."""
    return ensureDeferred(coroutine)


def make_deferred_yieldable(deferred: Any) -> "Deferred[Any]":
    """The Deferred itself."""
    return deferred  # type: ignore[no-any-return]


def defer_to_thread(reactor: Any, f: Callable[..., R], *args: Any, **kwargs: Any) -> "Deferred[R]":
    """Runs a function on a thread of the reactor's."""
    return defer_to_threadpool(reactor, reactor.getThreadPool(), f, *args, **kwargs)


def defer_to_threadpool(reactor: Any, threadpool: Any, f: Callable[..., R], *args: Any, **kwargs: Any) -> "Deferred[R]":
    """Runs a function on a thread of a pool."""
    ran: "Deferred[R]" = deferToThreadPool(reactor, threadpool, contextvars.copy_context().run, f, *args, **kwargs)
    return ran


__getattr__ = names_of(__name__)
