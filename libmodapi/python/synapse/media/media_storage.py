"""A file of the media repository, for modules to read."""

from typing import Any, Callable

import attr
from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater

from modapi_bridge.not_offered import names_of

reactor: Any = _reactor


@attr.s(slots=True, auto_attribs=True)
class ReadableFileWrapper:
    """A file on the disk that homeserver and modules share."""

    CHUNK_SIZE = 16384

    clock: Any = None
    path: str = ""

    async def write_chunks_to(self, callback: Callable[[bytes], object]) -> None:
        """Hands the file over in chunks, and lets other work run after each."""
        with open(self.path, "rb") as file:
            while True:
                chunk = file.read(self.CHUNK_SIZE)
                if not chunk:
                    break
                callback(chunk)
                await deferLater(reactor, 0, lambda: None)


__getattr__ = names_of(__name__)
