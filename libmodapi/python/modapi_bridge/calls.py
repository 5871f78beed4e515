"""Runs callbacks: coroutines, functions that give a Deferred, plain functions. Which call runs is known everywhere below it."""

import contextvars
import inspect
from typing import Any, Callable, Optional

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

Finished = Callable[[Any, Optional[BaseException]], None]


class Running:
    """What a piece of code runs for: the entry of `modules:`, and the host's call if there is one."""

    __slots__ = ("entry", "call")

    def __init__(self, entry: Optional[str], call: Any = None) -> None:
        self.entry = entry
        self.call = call


current: "contextvars.ContextVar[Optional[Running]]" = contextvars.ContextVar("running", default=None)


class Drive:
    """One callback on its way: stepped whenever the Deferred that it waits for has a result.

    `finished(result, error)` is called once, with None in the place of one of them. SystemExit and its like are errors too: a module
    doesn't end the process.
    """

    __slots__ = ("_context", "_coroutine", "_finished", "_waits_for")

    def __init__(self, finished: Finished) -> None:
        self._finished = finished
        self._coroutine: Any = None
        self._context: Optional[contextvars.Context] = None
        self._waits_for: Optional["Deferred[Any]"] = None

    def start(self, running: Running, function: Callable[..., Any], *arguments: Any) -> None:
        """Calls the function with a context of its own, in which `current` is `running`."""
        context = self._context = contextvars.copy_context()
        context.run(current.set, running)
        try:
            answer = context.run(function, *arguments)
        except BaseException as error:
            self._finished(None, error)
            return
        if inspect.iscoroutine(answer):
            self._coroutine = answer
            self._step(answer.send, None)
        elif isinstance(answer, Deferred):
            self._wait_for(answer)
        elif inspect.isawaitable(answer):
            self._coroutine = _await(answer)
            self._step(self._coroutine.send, None)
        else:
            self._finished(answer, None)

    def cancel(self) -> None:
        """Cancels what the callback waits for; it sees a CancelledError there."""
        if self._waits_for is not None:
            self._waits_for.cancel()

    def _wait_for(self, deferred: "Deferred[Any]") -> None:
        self._waits_for = deferred
        deferred.addBoth(self._resume)

    def _step(self, method: Callable[..., Any], argument: Any) -> None:
        assert self._context is not None
        while True:
            try:
                waits_for = self._context.run(method, argument)
            except StopIteration as stop:
                self._finished(stop.value, None)
                return
            except BaseException as error:
                self._finished(None, error)
                return
            if isinstance(waits_for, Deferred):
                self._wait_for(waits_for)
                return
            method = self._coroutine.throw
            argument = TypeError(
                "it awaited %s: only Twisted's Deferreds and coroutines that await them can be awaited"
                % type(waits_for).__name__
            )

    def _resume(self, result: Any) -> None:
        self._waits_for = None
        if self._coroutine is None:
            if isinstance(result, Failure):
                self._finished(None, result.value)
            else:
                self._finished(result, None)
        elif isinstance(result, Failure):
            self._step(self._coroutine.throw, result.value)
        else:
            self._step(self._coroutine.send, result)


async def _await(awaitable: Any) -> Any:
    return await awaitable


def run_for(entry: Optional[str], function: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a function for an entry, in a context of its own: whatever runs next in this thread isn't the entry's."""
    context = contextvars.copy_context()
    context.run(current.set, Running(entry))
    return context.run(function, *arguments)
