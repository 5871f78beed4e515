"""Messages as bytes: four of length, most significant first, then a JSON object in UTF-8."""

import json
import struct
from typing import Any, Dict, Iterator

DEFAULT_LIMIT = 32 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_TO_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
_FROM_JSON = json.JSONDecoder().raw_decode  # half the time of json.loads on bytes


class FrameError(ValueError):
    """A message that can't be sent or read: longer than the limit, no JSON object, no UTF-8."""


def encode_frame(message: Dict[str, Any], limit: int) -> bytes:
    """Bytes of a message. Errors: FrameError, for what JSON or UTF-8 can't say and what is too long."""
    try:
        text = _TO_JSON(message).encode()
    except UnicodeEncodeError:
        raise FrameError("it has text that isn't Unicode: a lone surrogate") from None
    except RecursionError:
        raise FrameError("it is nested too deeply, or contains itself") from None
    except (TypeError, ValueError) as error:
        raise FrameError(str(error)) from None
    if len(text) > limit:
        raise FrameError("it has %d bytes, and a message at most %d" % (len(text), limit))
    return _LENGTH.pack(len(text)) + text


def decode_text(text: bytes) -> Dict[str, Any]:
    """The message in a frame's bytes. Errors: FrameError."""
    try:
        decoded = text.decode()
        message, end = _FROM_JSON(decoded)
    except (ValueError, RecursionError) as error:
        raise FrameError("a frame isn't JSON: %s" % error) from None
    if end != len(decoded):
        raise FrameError("a frame has more than one JSON value")
    if type(message) is not dict:
        raise FrameError("a frame isn't a JSON object")
    return message


class FrameReader:
    """Cuts what arrives into messages."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Dict[str, Any]]:
        """The messages that are complete with these bytes. Errors: FrameError, after which nothing can be read any more."""
        held = self._bytes
        held += data
        place = 0
        while len(held) - place >= 4:
            length = _LENGTH.unpack_from(held, place)[0]
            if length > self.limit:
                raise FrameError("a frame of %d bytes; the limit is %d" % (length, self.limit))
            end = place + 4 + length
            if len(held) < end:
                break
            text = bytes(held[place + 4 : end])
            place = end
            if place == len(held):
                held.clear()
                place = 0
            yield decode_text(text)
        if place:
            del held[:place]
