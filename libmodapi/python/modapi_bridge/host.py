"""The homeserver as modules' code reaches it: what the greeting said, and its operations."""

import contextvars
from collections import deque
from typing import Any, Deque, Dict, List, Optional

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, fail
from twisted.python.threadable import isInIOThread

from modapi_bridge import values
from modapi_bridge.calls import current

reactor: Any = _reactor

MOST_OPERATIONS = 500
"""Operations that the host is asked for at once; it takes a thousand, and refuses more. Others wait here, in their order."""


class _Waiting:
    """An operation that the host isn't asked for yet."""

    def __init__(self, message: Dict[str, Any], among: "Deque[_Waiting]") -> None:
        self.message = message
        self.begun: Optional["Deferred[Any]"] = None
        self.answer: "Deferred[Any]" = Deferred(self._give_up)
        self._among = among

    def _give_up(self, _: Any) -> None:
        if self.begun is not None:
            self.begun.cancel()
        else:
            self._among.remove(self)


class Host:
    """One for the process. `greeted` fills it; before that no operation can be asked for."""

    def __init__(self) -> None:
        self.channel: Any = None
        self.directory = ""
        self.server_name = ""
        self.public_baseurl: Optional[str] = None
        self.email_app_name = "Matrix"
        self.worker_name: Optional[str] = None
        self.worker_app: Optional[str] = None
        self.is_main = True
        self.runs_background_tasks = True
        self.operator_templates: Optional[str] = None
        self.host_templates: List[str] = []
        self.callbacks: Dict[str, Dict[str, Any]] = {}
        self._operations = 0
        self._waiting: Deque[_Waiting] = deque()

    def greeted(self, greeting: Dict[str, Any]) -> None:
        """Takes the facts of a greeting."""
        self.directory = greeting["directory"]
        self.server_name = greeting["server_name"]
        self.public_baseurl = greeting.get("public_baseurl")
        self.email_app_name = greeting.get("email_app_name") or "Matrix"
        self.worker_name = greeting.get("worker_name")
        self.worker_app = greeting.get("worker_app")
        self.is_main = bool(greeting.get("is_main", True))
        self.runs_background_tasks = bool(greeting.get("runs_background_tasks", True))
        templates = greeting.get("templates") or {}
        self.operator_templates = templates.get("operator")
        self.host_templates = list(templates.get("host") or [])
        self.callbacks = {"%s.%s" % (one["category"], one["name"]): one for one in greeting.get("callbacks") or []}

    def operation(self, entry: Optional[str], member: str, arguments: Dict[str, Any]) -> "Deferred[Any]":
        """Has the host do something for a module. Must be called in the reactor's thread, as everything that gives a Deferred."""
        if self.channel is None:
            return fail(RuntimeError("%s: there is no homeserver at the other end" % member))
        if not isInIOThread():
            raise RuntimeError(
                "%s was called from another thread than the reactor's; there, use twisted.internet.threads.blockingCallFromThread"
                % member
            )
        running = current.get()
        call = None
        if running is not None:
            call = running.call
            entry = entry or running.entry
        try:
            message = {
                "do": "operation",
                "entry": entry,
                "call": call,
                "member": member,
                "arguments": {name: values.argument_to_wire(value) for name, value in arguments.items()},
            }
            asked = self._ask(message)
        except ValueError as error:
            return fail(ValueError("%s: %s" % (member, error)))
        asked.addCallback(values.from_wire)
        return asked

    def _ask(self, message: Dict[str, Any]) -> "Deferred[Any]":
        if self._operations < MOST_OPERATIONS:
            asked: "Deferred[Any]" = self.channel.ask(message)
            self._operations += 1
            return asked.addBoth(self._ended)
        waiting = _Waiting(message, self._waiting)
        self._waiting.append(waiting)
        return waiting.answer

    def _ended(self, result: Any) -> Any:
        self._operations -= 1
        while self._waiting and self._operations < MOST_OPERATIONS:
            waiting = self._waiting.popleft()
            try:
                waiting.begun = self._ask(waiting.message)
            except ValueError as error:  # longer than a frame
                waiting.answer.errback(error)
            else:
                waiting.begun.chainDeferred(waiting.answer)
        return result

    def in_reactor(self, function: Any, *arguments: Any) -> None:
        """Runs a function in the reactor's thread: now if this is it. It knows for what it runs, as this code does."""
        if isInIOThread():
            function(*arguments)
        else:
            reactor.callFromThread(contextvars.copy_context().run, function, *arguments)


host = Host()
