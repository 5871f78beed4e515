"""Transactions of a module's own, as modules write them; whom it is asked about says which. The answer is whether it went well."""

import os
import signal
import sqlite3
import threading
from typing import Any, Dict

from synapse.module_api import NOT_SPAM, DatabasePool, ModuleApi
from synapse.module_api.errors import Codes


class Transacting:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        self._api = api
        self._attempts = 0
        api.register_spam_checker_callbacks(user_may_create_room=self.user_may_create_room)

    async def user_may_create_room(self, user: str) -> Any:
        what = user[1:].partition(":")[0]
        if what == "together":
            return await self._together()
        try:
            good = await self._api.run_db_interaction(what, getattr(self, what))
        except Exception as error:
            wanted = {"fails": KeyError, "duplicates": sqlite3.IntegrityError, "no_table": sqlite3.OperationalError}.get(what)
            good = True if type(error) is wanted else "%s: %s" % (type(error).__name__, error)
        if good is not True:
            raise RuntimeError("%s gave %s" % (what, good))
        return NOT_SPAM

    def create(self, txn: Any) -> bool:
        txn.execute("CREATE TABLE things (name TEXT PRIMARY KEY, number BIGINT, kept BOOLEAN, data BYTEA, weight DOUBLE PRECISION)")
        txn.execute("INSERT INTO things VALUES (?, ?, ?, ?, ?)", ("one", 1 << 62, True, b"\x00\xff", 1.5))
        txn.execute_batch("INSERT INTO things (name, number) VALUES (?, ?)", [("two", 2), ("th'ree?", -3)])
        return True

    def read(self, txn: Any) -> Any:
        txn.execute("SELECT name, number, kept, data, weight FROM things WHERE name = ? -- what?", ("one",))
        names = [column[0] for column in txn.description]
        row = tuple(txn.fetchone())
        many = DatabasePool.simple_select_many_txn(txn, "things", "name", ["one", "two"], {}, ["name", "number"])
        txn.execute("UPDATE things SET number = 4 WHERE number < 3")
        changed = txn.rowcount
        seen = [names, row, sorted(tuple(each) for each in many), changed]
        wanted = [["name", "number", "kept", "data", "weight"], ("one", 1 << 62, True, b"\x00\xff", 1.5), [("one", 1 << 62), ("two", 2)], 2]
        return seen == wanted or repr(seen)

    def fails(self, txn: Any) -> None:
        txn.execute("INSERT INTO things (name) VALUES ('never')")
        raise KeyError("after an insert")

    def duplicates(self, txn: Any) -> None:
        txn.execute("INSERT INTO things (name) VALUES ('one')")

    def no_table(self, txn: Any) -> None:
        txn.execute("SELECT 1 FROM nowhere")

    def never_there(self, txn: Any) -> Any:
        txn.execute("SELECT COUNT(*) FROM things WHERE name = 'never'")
        return txn.fetchone()[0] == 0

    def write_once(self, txn: Any) -> bool:
        txn.execute("INSERT INTO things (name) VALUES ('written')")
        return True

    def reaches_out(self, txn: Any) -> bool:
        txn.execute("SELECT dblink_exec('host=elsewhere', 'DELETE FROM things')")
        return True

    def is_killed_in_a_statement(self, txn: Any) -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()
        txn.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000000000) "
            "SELECT COUNT(*) FROM numbers"
        )

    def die(self, txn: Any) -> None:
        txn.execute("INSERT INTO things (name) VALUES ('never')")
        os._exit(5)

    async def _together(self) -> Any:
        """Two that collide where transactions run side by side: each reads what the other writes."""
        from twisted.internet.defer import gatherResults

        meeting = threading.Barrier(2, timeout=0.5)
        attempts = []

        def add(txn: Any, mine: str, other: str) -> None:
            attempts.append(mine)
            txn.execute("SELECT number FROM things WHERE name = ?", (other,))
            number = txn.fetchone()[0]
            try:
                meeting.wait()
            except threading.BrokenBarrierError:
                pass  # one after the other, or the second time
            txn.execute("UPDATE things SET number = ? WHERE name = ?", (number + 1, mine))

        await gatherResults(
            [
                self._api.run_db_interaction("collide", add, "one", "two"),
                self._api.run_db_interaction("collide", add, "two", "one"),
            ]
        )
        return NOT_SPAM if len(attempts) >= 2 else Codes.FORBIDDEN
