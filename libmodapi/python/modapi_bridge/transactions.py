"""Transactions of the host's database, run by functions in a thread here, statement after statement over a socket."""

import contextvars
import logging
from typing import Any, Callable, List, Optional, Tuple

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from modapi_bridge.calls import current
from modapi_bridge.questions import ConnectionLost, questions

reactor: Any = _reactor
logger = logging.getLogger(__name__)

_MOST_ATTEMPTS = 5
_THREADS = 5
_pool: Optional[ThreadPool] = None


def _threads() -> ThreadPool:
    global _pool
    if _pool is None:
        _pool = ThreadPool(0, _THREADS, "database")
        _pool.start()
        reactor.addSystemEventTrigger("during", "shutdown", _pool.stop)
    return _pool


def run_transaction(
    entry: Optional[str], description: str, function: Callable[..., Any], *arguments: Any, **named: Any
) -> "Deferred[Any]":
    """Runs `function(transaction, ...)` on a thread for database work; commits what it did, or rolls back if it raises.

    The function runs again, at most five times in all, if the database says that the transaction collided with another. What it
    handed to `call_after` runs afterwards in the reactor's thread.
    """
    running = current.get()
    call = running.call if running is not None else None
    if entry is None and running is not None:
        entry = running.entry
    context = contextvars.copy_context()
    after: List[Tuple[Callable[..., Any], Any, Any]] = []
    failed: List[Tuple[Callable[..., Any], Any, Any]] = []

    def finish(result: Any, todo: List[Tuple[Callable[..., Any], Any, Any]]) -> Any:
        for one, positional, keywords in todo:
            one(*positional, **keywords)
        return result

    done: "Deferred[Any]" = deferToThreadPool(
        reactor, _threads(), context.run, _run, entry, call, description, function, arguments, named, after, failed
    )
    done.addCallbacks(finish, finish, callbackArgs=(after,), errbackArgs=(failed,))
    return done


def _run(
    entry: Optional[str],
    call: Any,
    description: str,
    function: Callable[..., Any],
    arguments: Any,
    named: Any,
    after: List[Any],
    failed: List[Any],
) -> Any:
    from synapse.storage.database import LoggingTransaction

    attempt = 0
    while True:
        attempt += 1
        del after[:], failed[:]
        connection = questions()
        began = connection.ask({"do": "begin", "entry": entry, "call": call, "description": description})
        transaction = LoggingTransaction(connection.ask, description, (began or {}).get("engine", "sqlite"), after, failed)
        try:
            result = function(transaction, *arguments, **named)
            connection.ask({"do": "commit"})
            return result
        except ConnectionLost:
            raise
        except BaseException as error:
            try:
                connection.ask({"do": "rollback"})
            except Exception as second:
                logger.warning("rolling back %s: %s", description, second)
                connection.close()
            if attempt < _MOST_ATTEMPTS and getattr(error, "may_be_retried", False):
                continue
            raise
        finally:
            transaction.close()
