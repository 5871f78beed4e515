"""Log records of modules and libraries, told to the host, which writes them where its own go."""

import logging
import time
from contextlib import nullcontext
from typing import Any, Callable, Dict, Optional

from twisted.internet import reactor as _reactor
from twisted.logger import STDLibLogObserver, globalLogBeginner

from modapi_bridge.calls import current
from modapi_bridge.errors import readable
from modapi_bridge.host import host

reactor: Any = _reactor
_LONGEST_RECORD = 64 * 1024
_MOST_A_SECOND = 100


class _Second:
    """What an entry has logged since a moment."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.sent = 0
        self.left_out = 0


class ToHost(logging.Handler):
    """Sends each record as a notice. From another thread it is handed to the reactor's first."""

    def __init__(self, send: Callable[[Dict[str, Any]], None]) -> None:
        super().__init__()
        self._send = send
        self._formatter = logging.Formatter()
        self._seconds: Dict[Optional[str], _Second] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Of logging's interface."""
        try:
            running = current.get()
            if self._may_send(running.entry if running is not None else None):
                self._tell(record)
        except Exception:
            self.handleError(record)

    def _may_send(self, entry: Optional[str]) -> bool:
        """Whether this second has room for another record; of those that are left out the host is told how many there were."""
        now = time.monotonic()
        second = self._seconds.get(entry)
        if second is None or now - second.began >= 1:
            if second is not None:
                self._tell_left_out(entry, second)
            second = self._seconds[entry] = _Second(now)
        if second.sent < _MOST_A_SECOND:
            second.sent += 1
            return True
        second.left_out += 1
        if second.left_out == 1:
            host.in_reactor(reactor.callLater, 1, self._is_over, entry, second)
        return False

    def _is_over(self, entry: Optional[str], second: _Second) -> None:
        """No record has come since that would have said it."""
        with self.lock or nullcontext():
            if self._seconds.get(entry) is second:
                del self._seconds[entry]
                self._tell_left_out(entry, second)

    def _tell_left_out(self, entry: Optional[str], second: _Second) -> None:
        if second.left_out:
            host.in_reactor(self._send, {"do": "left_out", "records": second.left_out, "entry": entry})

    def _tell(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception as error:
            text = "%s (its arguments don't fit: %s)" % (record.msg, error)
        traceback = self._formatter.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None
        running = current.get()
        notice = {
            "do": "log",
            "level": record.levelname if record.levelno in _LEVELS else "INFO",
            "logger": record.name,
            "text": readable(text)[:_LONGEST_RECORD],
            "entry": running.entry if running is not None else None,
            "call": running.call if running is not None else None,
            "traceback": None if traceback is None else readable(traceback)[-_LONGEST_RECORD:],
        }
        host.in_reactor(self._send, notice)


_LEVELS = {logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL}


def install(send: Callable[[Dict[str, Any]], None], level: str) -> None:
    """Sends what is logged from here on, Twisted's own log too."""
    root = logging.getLogger()
    root.handlers[:] = [ToHost(send)]
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("twisted").setLevel(logging.WARNING)
    observer: Any = STDLibLogObserver()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
