"""A room's state as a mapping that asks the host for what it wasn't given."""

from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

Key = Tuple[str, str]


class StateMapping(Mapping[Key, Any]):
    """(type, state key) -> event. A key that didn't come along is one question; iterating and counting ask for everything, once.

    It can be read while its call runs and, as long as the host keeps its handle, afterwards.
    """

    def __init__(
        self, handle: int, known: Dict[Key, Optional[Any]], complete: bool, event_from_wire: Callable[[Dict[str, Any]], Any]
    ) -> None:
        self.handle = handle
        self._known = known
        self._complete = complete
        self._event_from_wire = event_from_wire

    def _ask(self, message: Dict[str, Any]) -> Any:
        from modapi_bridge.questions import questions  # that needs errors, which need events, which need this

        return questions().ask(message)

    def __getitem__(self, key: Key) -> Any:
        if key not in self._known:
            if self._complete or not (isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key)):
                raise KeyError(key)
            found = self._ask({"do": "state", "of": self.handle, "key": [key[0], key[1]]})
            self._known[key] = None if found is None else self._event_from_wire(found)
        event = self._known[key]
        if event is None:
            raise KeyError(key)
        return event

    def _everything(self) -> Dict[Key, Any]:
        if not self._complete:
            for held in self._ask({"do": "state_all", "of": self.handle}):
                event = self._event_from_wire(held)
                self._known.setdefault((event.type, event.state_key), event)
            self._complete = True
        return {key: event for key, event in self._known.items() if event is not None}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._everything())

    def __len__(self) -> int:
        return len(self._everything())

    def copy(self) -> Dict[Key, Any]:
        """A dictionary of everything."""
        return dict(self._everything())

    def __repr__(self) -> str:
        return "<state %d>" % self.handle
