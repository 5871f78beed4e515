"""Log records of modules and libraries, told to the host, which writes them where its own go."""

import logging
from typing import Any, Callable, Dict

from twisted.logger import STDLibLogObserver, globalLogBeginner

from modapi_bridge.calls import current
from modapi_bridge.errors import readable
from modapi_bridge.host import host

_LONGEST_RECORD = 64 * 1024


class ToHost(logging.Handler):
    """Sends each record as a notice. From another thread it is handed to the reactor's first."""

    def __init__(self, send: Callable[[Dict[str, Any]], None]) -> None:
        super().__init__()
        self._send = send
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Of logging's interface."""
        try:
            self._tell(record)
        except Exception:
            self.handleError(record)

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
