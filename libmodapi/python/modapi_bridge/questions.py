"""Questions that a thread waits for: SQL and room state, over a connection to the host of the thread's own."""

import os
import socket
import struct
import threading
from typing import Any, Dict

from modapi_bridge import errors
from modapi_bridge.frames import DEFAULT_LIMIT, FrameError, decode_text, encode_frame
from modapi_bridge.host import host

_LENGTH = struct.Struct(">I")


class ConnectionLost(ConnectionError):
    """The host closed a connection that a thread asked on: it ends, or waited too long for the next statement."""


class Questions:
    """One connection; a question at a time, each answered before the next."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(os.path.join(host.directory, "host.sock"))
        self.limit = DEFAULT_LIMIT

    def ask(self, message: Dict[str, Any]) -> Any:
        """The result. Errors: what the host's answer names; ConnectionLost."""
        frame = encode_frame(message, self.limit)
        try:
            self._socket.sendall(frame)
            answer = decode_text(self._read(_LENGTH.unpack(self._read(4))[0]))
        except (OSError, FrameError) as error:
            self.close()
            raise ConnectionLost("the connection to the homeserver's database broke: %s" % error) from None
        if "error" in answer:
            raise errors.from_wire(answer["error"])
        return answer.get("result")

    def _read(self, size: int) -> bytes:
        if size > self.limit:
            raise FrameError("an answer of %d bytes" % size)
        data = bytearray()
        while len(data) < size:
            part = self._socket.recv(min(size - len(data), 1 << 20))
            if not part:
                raise ConnectionResetError("it was closed")
            data += part
        return bytes(data)

    def close(self) -> None:
        """Ends the connection; the next question of this thread opens another."""
        self._socket.close()
        if getattr(_of_thread, "questions", None) is self:
            del _of_thread.questions


_of_thread = threading.local()


def questions() -> Questions:
    """This thread's connection."""
    found = getattr(_of_thread, "questions", None)
    if found is None:
        found = _of_thread.questions = Questions()
    return found
