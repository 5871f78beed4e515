"""The process: answers the host's requests until the host is gone or says stop."""

import gc
import logging
import os
import platform
import site
import sys
from typing import Any, Callable, Dict, List, Optional

import twisted
from twisted.internet import reactor as _reactor

from modapi_bridge import errors, handles, log, not_offered, values
from modapi_bridge.calls import Drive, Running, current
from modapi_bridge.channel import Channel
from modapi_bridge.entries import Entry, Missing
from modapi_bridge.host import host
from modapi_bridge.locating import locate

reactor: Any = _reactor
logger = logging.getLogger("modapi_bridge")


class UnknownRequest(Exception):
    """A request that this side doesn't know, or that comes too early."""


class Process:
    """What the host talks to. Each method `do_NAME` is a request; it gives the result, or keeps the id and answers later."""

    def __init__(self, descriptor: int) -> None:
        self.channel = Channel(descriptor, self.handle, self.lost)
        self.entries: Dict[str, Entry] = {}
        self.running: Dict[Any, List[Drive]] = {}

    def handle(self, message: Dict[str, Any]) -> None:
        """Does one request or notice."""
        number = message.get("id")
        do = message["do"]
        if do == "call":  # nearly all of them
            self._call(number, message)
            return
        method: Optional[Callable[[Dict[str, Any]], Any]] = getattr(self, "do_%s" % do, None)
        try:
            if method is None:
                raise UnknownRequest("%s is no request" % do)
            result = method(message)
        except Missing as error:
            self.channel.send({"id": number, "error": {"kind": "missing", "text": str(error)}})
        except BaseException as error:
            if number is None:
                logger.error("%s: %s", do, error)
            else:
                self.channel.fail(number, error)
        else:
            if number is not None and result is not _ANSWERED_LATER:
                self.channel.answer(number, result)

    def lost(self, reason: str) -> None:
        """Without a host there is nothing to do: the process ends, whatever threads still run."""
        print("modapi_bridge: %s" % reason, file=sys.stderr, flush=True)
        os._exit(0)

    # ------------------------------------------------------------------------------------------------------- the start

    def do_greet(self, message: Dict[str, Any]) -> Any:
        """The facts of the server, and where modules are."""
        host.greeted(message)
        host.channel = self.channel
        self.channel.set_limit(int(message.get("frame_limit") or self.channel._limit))
        log.install(self.channel.send, str(message.get("log_level") or "INFO"))
        not_offered.install()
        not_offered.tell_host = self._offered_not
        _add_folders(message.get("path") or [])
        sys.setswitchinterval(0.0005)  # a thread that computes keeps the reactor waiting for this long, instead of 5 ms
        return {"python": platform.python_version(), "twisted": twisted.__version__}

    def _offered_not(self, name: str) -> None:
        running = current.get()
        host.in_reactor(
            self.channel.send, {"do": "offered_not", "name": name, "entry": running.entry if running is not None else None}
        )

    def do_locate(self, message: Dict[str, Any]) -> Any:
        """Where a module's code is, without running any of it."""
        return locate(message["module"])

    def do_parse_config(self, message: Dict[str, Any]) -> Any:
        """Imports a module's class and parses its configuration."""
        entry = Entry(message["entry"], message["module"], message.get("interface"))
        with _RunningFor(entry.name):
            entry.parse(message.get("config") or {})
        self.entries[entry.name] = entry
        return {}

    def do_construct(self, message: Dict[str, Any]) -> Any:
        """Builds a module whose configuration was parsed."""
        from modapi_bridge.homeserver import HomeServer
        from synapse.module_api import ModuleApi

        entry = self._entry(message)
        with _RunningFor(entry.name):
            entry.construct(ModuleApi(HomeServer(entry), None))
        gc.collect()
        gc.freeze()  # what is there after the start stays; the collector needn't look at it again
        return entry.described()

    def do_forget(self, message: Dict[str, Any]) -> Any:
        """Ends an entry: its loops, its web resources, its callbacks."""
        entry = self.entries.pop(message["entry"], None)
        if entry is not None:
            entry.forget()
        return {}

    def _entry(self, message: Dict[str, Any]) -> Entry:
        try:
            return self.entries[message["entry"]]
        except KeyError:
            raise UnknownRequest("there is no entry %s" % message.get("entry")) from None

    # ------------------------------------------------------------------------------------------------------- callbacks

    def _call(self, number: Any, message: Dict[str, Any]) -> None:
        arrived = values.Arrived()
        try:
            function = handles.find(message["handle"])
            arguments = [values.from_wire(value, arrived, place) for place, value in enumerate(message["arguments"])]
        except BaseException as error:
            self.channel.fail(number, error)
            return

        def finished(answer: Any, error: Optional[BaseException]) -> None:
            running.pop(number, None)
            if error is None:
                try:
                    self.channel.answer(number, values.to_wire(answer), arrived.changes())
                    return
                except BaseException as second:
                    error = second
            self.channel.fail(number, error)

        running = self.running
        drive = Drive(finished)
        running[number] = [drive]
        drive.start(Running(message.get("entry"), message.get("call", number)), function, *arguments)

    def do_batch(self, message: Dict[str, Any]) -> Any:
        """One callback for many lists of arguments: all are begun, and answered together, in their order."""
        function = handles.find(message["handle"])
        number = message["id"]
        answers: List[Any] = [None] * len(message["arguments"])
        left = len(answers)
        drives = self.running[number] = []
        if not left:
            self.running.pop(number)
            return []

        def begin(place: int, wire: List[Any]) -> None:
            def finished(answer: Any, error: Optional[BaseException]) -> None:
                nonlocal left
                if error is None:
                    try:
                        answers[place] = {"result": values.to_wire(answer)}
                    except BaseException as second:
                        error = second
                if error is not None:
                    answers[place] = {"error": errors.to_wire(error)}
                left -= 1
                if not left:
                    self.running.pop(number, None)
                    self.channel.answer(number, answers)

            drive = Drive(finished)
            drives.append(drive)
            try:
                arguments = [values.from_wire(value) for value in wire]
            except BaseException as error:
                finished(None, error)
            else:
                drive.start(Running(message.get("entry"), message.get("call", number)), function, *arguments)

        for place, wire in enumerate(message["arguments"]):
            begin(place, wire)
        return _ANSWERED_LATER

    def do_cancel(self, message: Dict[str, Any]) -> Any:
        """Cancels what a call waits for."""
        for drive in self.running.get(message["of"], ()):
            drive.cancel()
        return {}

    def _drive(self, message: Dict[str, Any], function: Callable[..., Any], convert: Callable[[Any], Any]) -> Any:
        number = message["id"]

        def finished(answer: Any, error: Optional[BaseException]) -> None:
            self.running.pop(number, None)
            if error is None:
                try:
                    self.channel.answer(number, convert(answer))
                    return
                except BaseException as second:
                    error = second
            self.channel.fail(number, error)

        drive = Drive(finished)
        self.running[number] = [drive]
        drive.start(Running(message.get("entry"), message.get("call", number)), function)
        return _ANSWERED_LATER

    def do_enter(self, message: Dict[str, Any]) -> Any:
        """Enters a context manager."""
        manager = handles.find(message["handle"])
        return self._drive(message, lambda: type(manager).__aenter__(manager), values.to_wire)

    def do_exit(self, message: Dict[str, Any]) -> Any:
        """Leaves a context manager and forgets it; true if it swallowed the error."""
        manager = handles.find(message["handle"])
        handles.release(message["handle"])
        error = message.get("error")
        raised = None if error is None else errors.from_wire(error)
        kind = None if raised is None else type(raised)
        return self._drive(message, lambda: type(manager).__aexit__(manager, kind, raised, None), bool)

    def do_respond(self, message: Dict[str, Any]) -> Any:
        """Has a login's response callback change the response."""
        callback = handles.find(message["handle"])
        handles.release(message["handle"])
        response = values.from_wire(message["response"])
        return self._drive(message, lambda: callback(response), lambda _: values.to_wire(response))

    def do_release(self, message: Dict[str, Any]) -> Any:
        """Forgets an object."""
        handles.release(message["handle"])
        return {}

    def do_invalidate(self, message: Dict[str, Any]) -> Any:
        """Another worker invalidated an entry of a cache, or all of it."""
        for entry in self.entries.values() if message.get("entry") is None else [self._entry(message)]:
            function = entry.cached_functions.get(message["function"])
            if function is not None:
                key = message.get("key")
                function.invalidate_all() if key is None else function.invalidate(tuple(values.from_wire(part) for part in key))
        return {}

    # --------------------------------------------------------------------------------------------------------- the end

    def do_ping(self, message: Dict[str, Any]) -> Any:
        """The reactor turns."""
        return {}

    def do_stop(self, message: Dict[str, Any]) -> Any:
        """Ends all entries, then the process."""
        for entry in self.entries.values():
            entry.forget()
        self.channel.answer(message["id"], {})
        self.channel.flush()
        os._exit(0)  # and not the reactor's orderly stop: threads that hang in a module's code mustn't keep the process


_ANSWERED_LATER = object()


class _RunningFor:
    """Code within runs for an entry."""

    def __init__(self, entry: str) -> None:
        self._running = Running(entry)

    def __enter__(self) -> None:
        self._token = current.set(self._running)

    def __exit__(self, *_: Any) -> None:
        current.reset(self._token)


def _add_folders(folders: List[str]) -> None:
    """Puts folders with packages, or virtual environments, before Debian's packages and behind Python's own library."""
    before = list(sys.path)
    for folder in folders:
        inside = os.path.join(folder, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
        site.addsitedir(inside if os.path.isdir(inside) else folder)
    added = [one for one in sys.path if one not in before]
    place = next((index for index, one in enumerate(before) if one.endswith("-packages")), len(before))
    sys.path[:] = before[:place] + added + before[place:]


def main(descriptor: int) -> None:
    """Runs until the host is gone."""
    process = Process(descriptor)
    os.set_inheritable(descriptor, False)
    process.channel.start()
    reactor.run(installSignalHandlers=False)
