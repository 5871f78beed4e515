"""Cached functions."""

import inspect
import logging
from collections import OrderedDict
from typing import Any, Callable, Collection, Dict, Generic, List, Optional, Tuple, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from modapi_bridge.not_offered import names_of
from synapse.logging.context import run_in_background

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])

factor = 1.0  # of all sizes; what is written is what is kept


class _Run:
    """A run of the function that callers wait for."""

    def __init__(self) -> None:
        self.waiting: List["Deferred[Any]"] = []
        self.detached = False


class _CachedFunction:
    """A cached method of one object. Always gives a Deferred."""

    def __init__(self, function: Callable[..., Any], owner: Any, options: "_Options") -> None:
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.name_for_invalidation = "%s.%s" % (function.__module__, function.__name__)
        self.number_of_key_parts = len(options.key_names)
        self._owner = owner
        self._options = options
        self._kept: "OrderedDict[Any, Any]" = OrderedDict()
        self._runs: Dict[Any, _Run] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> "Deferred[Any]":
        key = self._options.key(args, kwargs)
        kept = self._kept
        if key in kept:
            kept.move_to_end(key)
            return succeed(kept[key])
        run = self._runs.get(key)
        waits: "Deferred[Any]" = Deferred(lambda deferred: run.waiting.remove(deferred))  # type: ignore[union-attr]
        if run is not None:
            run.waiting.append(waits)
            return waits
        run = self._runs[key] = _Run()
        run.waiting.append(waits)
        run_in_background(self.__wrapped__, self._owner, *args, **kwargs).addBoth(self._ran, key, run)
        return waits

    def _ran(self, result: Any, key: Any, run: _Run) -> None:
        if self._runs.get(key) is run:
            del self._runs[key]
        if not isinstance(result, Failure) and not run.detached:
            self._keep(key, result)
        waiting, run.waiting = run.waiting, []
        for deferred in waiting:
            # An exception of a Failure is shared by all who wait, each with a Failure of their own.
            deferred.callback(Failure(result.value, result.type, result.tb) if isinstance(result, Failure) else result)

    def _keep(self, key: Any, value: Any) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._options.size:
            self._kept.popitem(last=False)

    def _detach(self, key: Any) -> None:
        run = self._runs.pop(key, None)
        if run is not None:
            run.detached = True

    def invalidate(self, key: Tuple[Any, ...]) -> None:
        """Forgets a value here, and that of a run under way. Other workers: ModuleApi.invalidate_cache."""
        found = self._options.key_of_tuple(key)
        self._kept.pop(found, None)
        self._detach(found)

    def invalidate_all(self) -> None:
        """Forgets all values."""
        self._kept.clear()
        for key in list(self._runs):
            self._detach(key)

    def prefill(self, key: Tuple[Any, ...], value: Any) -> None:
        """Keeps a value that is known already."""
        found = self._options.key_of_tuple(key)
        self._detach(found)
        self._keep(found, value)

    def key_fits(self, key: Tuple[Any, ...]) -> bool:
        """Whether a tuple has as many parts as the function's key."""
        return isinstance(key, tuple) and len(key) == self.number_of_key_parts


class _Options:
    """What of the arguments is the key, and how many values are kept."""

    def __init__(
        self, function: Callable[..., Any], max_entries: int, num_args: Optional[int], uncached_args: Optional[Collection[str]]
    ) -> None:
        if num_args is not None and uncached_args is not None:
            raise ValueError("%s: num_args and uncached_args can't be used together" % function.__name__)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters):
            raise ValueError("%s: keyword-only parameters can't be part of a key" % function.__name__)
        names = [parameter.name for parameter in parameters]
        if num_args is not None and num_args > len(names):
            raise ValueError("%s: num_args is %d, and it has %d parameters" % (function.__name__, num_args, len(names)))
        self.names = names
        self.key_names = [name for name in names[:num_args] if name not in (uncached_args or ())]
        if uncached_args and not self.key_names:
            raise ValueError("%s: all its parameters are uncached" % function.__name__)
        self.function_name = function.__name__
        self.defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
        self.size = int(max_entries * factor)

    def key(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Tuple[Any, ...]:
        """Positional and named arguments give the same key; defaults count as given."""
        if not kwargs and len(args) == len(self.key_names) == len(self.names):
            return args
        given = dict(zip(self.names, args))
        given.update(kwargs)
        try:
            return tuple(given[name] if name in given else self.defaults[name] for name in self.key_names)
        except KeyError as error:
            raise KeyError("%s() misses the argument %s" % (self.function_name, error)) from None

    def key_of_tuple(self, key: Tuple[Any, ...]) -> Tuple[Any, ...]:
        """Of one part the first element counts, whatever follows."""
        return (key[0],) if len(self.key_names) == 1 else tuple(key)


class _CachedDescriptor(Generic[F]):
    def __init__(self, function: F, options: _Options) -> None:
        self._function = function
        self._options = options
        self._name = "_cached_%s" % function.__name__
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: Any, name: str) -> None:
        self._name = "_cached_%s" % name

    def __get__(self, owner: Any, _: Any = None) -> Any:
        if owner is None:
            return self
        try:
            return owner.__dict__[self._name]
        except (KeyError, AttributeError):
            made = _CachedFunction(self._function, owner, self._options)
            object.__setattr__(owner, self._name, made)
            return made


def cached(
    max_entries: int = 1000,
    num_args: Optional[int] = None,
    uncached_args: Optional[Collection[str]] = None,
    **of_the_server: Any,
) -> Callable[[F], Any]:
    """Decorates a method whose results are kept by its arguments, the least recently used forgotten first.

    Callers of one key share a run; an exception reaches all of them and isn't kept. Options that only the server's own code had
    (tree, iterable, cache_context, ...) change nothing, but that `tree` and `cache_context` are refused.
    """
    for option in ("tree", "cache_context"):
        if of_the_server.get(option):
            from modapi_bridge.not_offered import refuse

            refuse("cached(%s=True)" % option)
    return lambda function: _CachedDescriptor(function, _Options(function, max_entries, num_args, uncached_args))


__getattr__ = names_of(__name__)
