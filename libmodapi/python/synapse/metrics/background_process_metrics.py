"""Work that nobody waits for."""

import logging
from functools import wraps
from typing import Any, Callable

from twisted.internet.defer import Deferred, ensureDeferred

from modapi_bridge.not_offered import names_of
from synapse.logging.context import run_in_background

logger = logging.getLogger(__name__)


def run_as_background_process(
    desc: str, func: Callable[..., Any], *args: Any, bg_start_span: bool = True, **kwargs: Any
) -> "Deferred[Any]":
    """Starts a function. The Deferred gets its result, or None if it fails, which is logged."""

    async def run() -> Any:
        try:
            return await run_in_background(func, *args, **kwargs)
        except Exception:
            logger.exception("Background process '%s' threw an exception", desc)
            return None

    return ensureDeferred(run())


def wrap_as_background_process(desc: str) -> Callable[[Callable[..., Any]], Callable[..., "Deferred[Any]"]]:
    """Makes a function that starts in the background whenever it is called."""

    def wrap(func: Callable[..., Any]) -> Callable[..., "Deferred[Any]"]:
        @wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> "Deferred[Any]":
            return run_as_background_process(desc, func, *args, **kwargs)

        return wrapped

    return wrap


__getattr__ = names_of(__name__)
