"""The connection to the host: requests, their answers and notices, both ways at once."""

import errno
import logging
import os
import socket
from typing import Any, Callable, Dict, Optional

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from modapi_bridge import errors
from modapi_bridge.frames import DEFAULT_LIMIT, FrameError, FrameReader, encode_frame

reactor: Any = _reactor
logger = logging.getLogger(__name__)
_READ_AT_ONCE = 256 * 1024

Handler = Callable[[Dict[str, Any], Callable[[Any], None], Callable[[BaseException], None]], None]


@implementer(IReadWriteDescriptor)
class Channel:
    """Frames over a connected socket, in the reactor's thread only.

    What is written goes out at once where the socket takes it: a round trip costs one turn of the reactor. `lost` is called with
    a reason when the other end is gone or says something that is no frame.
    """

    def __init__(self, descriptor: int, handle: Callable[[Dict[str, Any]], None], lost: Callable[[str], None]) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._reader = FrameReader(DEFAULT_LIMIT)
        self._limit = DEFAULT_LIMIT
        self._handle = handle
        self._lost = lost
        self._unsent = bytearray()
        self._last_id = 0
        self._asked: Dict[int, "Deferred[Any]"] = {}
        self._open = True

    def start(self) -> None:
        """Begins to listen."""
        reactor.addReader(self)

    def set_limit(self, limit: int) -> None:
        """The longest message either way, as the greeting says."""
        self._limit = self._reader.limit = limit

    def ask(self, message: Dict[str, Any]) -> "Deferred[Any]":
        """Sends a request; the Deferred gets its result, or an error as the host's answer names it. Cancelling it tells the host."""
        self._last_id += 1
        number = self._last_id
        asked: "Deferred[Any]" = Deferred(lambda _: self._give_up(number))
        message["id"] = number
        self.send(message)
        self._asked[number] = asked
        return asked

    def answer(self, number: Any, result: Any, more: Optional[Dict[str, Any]] = None) -> None:
        """Answers a request. What can't be sent becomes an error of the answer."""
        message = {"id": number, "result": result}
        if more:
            message.update(more)
        try:
            self.send(message)
        except FrameError as error:
            self.fail(number, ValueError("the answer can't be sent: %s" % error))

    def fail(self, number: Any, error: BaseException) -> None:
        """Answers a request with an error."""
        try:
            self.send({"id": number, "error": errors.to_wire(error)})
        except FrameError as reason:
            text = "%s, and its text can't be sent: %s" % (type(error).__name__, reason)
            self.send(
                {"id": number, "error": {"kind": "exception", "class": type(error).__name__, "text": text, "traceback": ""}}
            )

    def send(self, message: Dict[str, Any]) -> None:
        """Sends a message as it is. Errors: FrameError."""
        frame = encode_frame(message, self._limit)
        if not self._open:
            return
        if self._unsent:
            self._unsent += frame
            return
        try:
            sent = self._socket.send(frame)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._close(os.strerror(error.errno or 0))
            return
        if sent < len(frame):
            self._unsent += frame[sent:]
            reactor.addWriter(self)

    def _give_up(self, number: int) -> None:
        if self._asked.pop(number, None) is not None:
            self.send({"do": "cancel", "of": number})

    def doRead(self) -> None:
        """Of Twisted's interface: something arrived."""
        try:
            data = self._socket.recv(_READ_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._close(os.strerror(error.errno or errno.EIO))
            return
        if not data:
            self._close("the homeserver closed the connection")
            return
        try:
            for message in self._reader.feed(data):
                try:
                    if "do" in message:
                        self._handle(message)
                    else:
                        self._answered(message)
                except Exception:  # of this side's own making: one message is lost, not the connection
                    logger.exception("a message of the host's couldn't be handled")
        except FrameError as error:
            self._close(str(error))

    def _answered(self, message: Dict[str, Any]) -> None:
        asked = self._asked.pop(message.get("id", 0), None)
        if asked is None:
            return  # given up meanwhile
        if "error" in message:
            asked.errback(errors.from_wire(message["error"]))
        else:
            asked.callback(message.get("result"))

    def doWrite(self) -> None:
        """Of Twisted's interface: the socket takes more."""
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._close(os.strerror(error.errno or errno.EIO))
            return
        del self._unsent[:sent]
        if not self._unsent:
            reactor.removeWriter(self)

    def flush(self) -> None:
        """Waits until everything is sent: before the process ends."""
        if self._open and self._unsent:
            self._socket.setblocking(True)
            self._socket.sendall(self._unsent)
            self._unsent.clear()

    def _close(self, reason: str) -> None:
        if self._open:
            self._open = False
            reactor.removeReader(self)
            reactor.removeWriter(self)
            self._lost(reason)

    def fileno(self) -> int:
        """Of Twisted's interface."""
        return self._socket.fileno()

    def connectionLost(self, reason: Any) -> None:
        """Of Twisted's interface: the reactor stops, or found the descriptor broken."""
        self._close("the reactor gave the connection up")

    def logPrefix(self) -> str:
        """Of Twisted's interface."""
        return "host"
