"""JSON as the server has it, and the time."""

import json
import time
from typing import Any, Callable

from twisted.internet import reactor as _reactor
from twisted.internet.task import LoopingCall, deferLater

from modapi_bridge.frozen import unfreeze
from modapi_bridge.not_offered import names_of

twisted_reactor: Any = _reactor


def _no_such_number(value: str) -> Any:
    raise ValueError("Invalid JSON value: '%s'" % value)


json_encoder = json.JSONEncoder(default=unfreeze, allow_nan=False, separators=(",", ":"))
json_decoder = json.JSONDecoder(parse_constant=_no_such_number)


class Clock:
    """The time, and what happens later. Seconds unless a name says otherwise."""

    def __init__(self, reactor: Any = None) -> None:
        self._reactor = reactor if reactor is not None else twisted_reactor

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await deferLater(self._reactor, seconds, lambda: None)

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def time_msec(self) -> int:
        """Milliseconds since 1970."""
        return int(time.time() * 1000)

    def looping_call(self, f: Callable[..., Any], msec: float, *args: Any, **kwargs: Any) -> LoopingCall:
        """Calls a function every so often, for the first time after that time."""
        call = LoopingCall(f, *args, **kwargs)
        call.clock = self._reactor
        call.start(msec / 1000.0, now=False).addErrback(lambda failure: None)
        return call

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls a function once."""
        return self._reactor.callLater(delay, callback, *args, **kwargs)

    def cancel_call_later(self, timer: Any, ignore_errs: bool = False) -> None:
        """Takes a call_later back."""
        try:
            timer.cancel()
        except Exception:
            if not ignore_errs:
                raise


def unwrapFirstError(failure: Any) -> Any:
    """The failure within that of gatherResults."""
    from twisted.internet.defer import FirstError

    failure.trap(FirstError)
    return failure.value.subFailure


__getattr__ = names_of(__name__)
