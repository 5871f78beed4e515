"""Transactions as modules write them; each function is one that a test calls by its name."""

from synapse.api.errors import StoreError
from synapse.module_api import DatabasePool, LoggingTransaction, ModuleApi


class Storing:
    def __init__(self, config, api: ModuleApi):
        self.api = api
        api.register_account_data_callbacks(on_account_data_updated=self.run)

    async def run(self, name, *_):
        return await self.api.run_db_interaction(name, getattr(self, name))

    def create(self, txn: LoggingTransaction):
        txn.execute("DROP TABLE IF EXISTS things")
        txn.execute("CREATE TABLE things (name TEXT PRIMARY KEY, number BIGINT, kept BOOLEAN, data BLOB)")
        txn.execute("INSERT INTO things VALUES (?, ?, ?, ?)", ("one", 1, True, b"\x00\xff"))
        txn.execute("INSERT INTO things VALUES (?, ?, ?, ?)", ["two", 2, False, None])
        return txn.rowcount

    def reading(self, txn):
        txn.execute("SELECT name, number, data FROM things ORDER BY name")
        described = [column[0] for column in txn.description]
        first = txn.fetchone()
        rest = txn.fetchall()
        after = txn.fetchone()
        txn.execute("SELECT name FROM things ORDER BY name")
        iterated = [name for (name,) in txn]
        txn.execute("SELECT name, number FROM things ORDER BY name")
        as_dictionaries = DatabasePool.cursor_to_dict(txn)
        txn.execute("SELECT name FROM things ORDER BY name")
        return [described, first, rest, after, iterated, as_dictionaries, txn.fetchmany(1), txn.fetchmany(5), txn.fetchmany(5)]

    def failing(self, txn):
        txn.execute("INSERT INTO things VALUES ('three', 3, ?, NULL)", (True,))
        raise KeyError("after an insert")

    def duplicate(self, txn):
        import sqlite3

        try:
            txn.execute("INSERT INTO things VALUES ('one', 3, ?, NULL)", (True,))
        except sqlite3.IntegrityError as error:
            return str(error)

    def wrong(self, txn):
        txn.execute("SELECT 1 FROM nowhere")

    def selects(self, txn):
        rows = DatabasePool.simple_select_list_txn(txn, "things", {"name": "one"}, ["name", "number"])
        many = DatabasePool.simple_select_many_txn(txn, "things", "name", ["one", "two", "none"], {}, ["name", "number"])
        return [
            DatabasePool.simple_select_one_txn(txn, "things", {"name": "one"}, ["name", "number"]),
            DatabasePool.simple_select_one_txn(txn, "things", {"name": "none"}, ["name"], allow_none=True),
            DatabasePool.simple_select_one_onecol_txn(txn, "things", {"name": "two"}, "number"),
            DatabasePool.simple_select_one_onecol_txn(txn, "things", {"name": "none"}, "number", allow_none=True),
            sorted(DatabasePool.simple_select_onecol_txn(txn, "things", {}, "number")),
            [rows[0]["number"], rows[0][1], list(rows[0]), dict(rows[0]), rows[0].get("none")],
            sorted(name for name, number in many),
            DatabasePool.simple_select_many_txn(txn, "things", "name", [], {}, ["name"]),
            DatabasePool.simple_select_many_txn(txn, "things", "name", ["one", "two"], {"number": 2}, ["name"]),
        ]

    def missing(self, txn):
        errors = []
        for function, arguments in (
            (DatabasePool.simple_select_one_txn, ({"name": "none"}, ["name"])),
            (DatabasePool.simple_select_one_txn, ({}, ["name"])),
            (DatabasePool.simple_select_one_onecol_txn, ({"name": "none"}, "name")),
            (DatabasePool.simple_update_one_txn, ({"name": "none"}, {"number": 1})),
            (DatabasePool.simple_update_one_txn, ({}, {"number": 1})),
            (DatabasePool.simple_delete_one_txn, ({"name": "none"},)),
        ):
            try:
                function(txn, "things", *arguments)
            except StoreError as error:
                errors.append(error.code)
        return errors

    def changes(self, txn):
        DatabasePool.simple_insert_txn(txn, "things", {"name": "three", "number": 3})
        DatabasePool.simple_insert_many_txn(txn, "things", ["name", "number"], [("four", 4), ("five", 5)])
        DatabasePool.simple_insert_many_txn(txn, "things", ["name", "number"], [])
        DatabasePool.simple_update_one_txn(txn, "things", {"name": "three"}, {"number": 33})
        updated = DatabasePool.simple_update_txn(txn, "things", {"number": 4}, {"number": 44})
        DatabasePool.simple_upsert_txn(txn, "things", {"name": "five"}, {"number": 55})
        DatabasePool.simple_upsert_txn(txn, "things", {"name": "six"}, {"number": 6}, insertion_values={"data": b"6"})
        DatabasePool.simple_upsert_txn(txn, "things", {"name": "six"}, {})
        DatabasePool.simple_upsert_many_txn(txn, "things", ["name"], [["six"], ["seven"]], ["number"], [[66], [7]])
        DatabasePool.simple_delete_one_txn(txn, "things", {"name": "seven"})
        deleted = DatabasePool.simple_delete_many_txn(txn, "things", "name", ["three", "none"], {"number": 33})
        deleted += DatabasePool.simple_delete_txn(txn, "things", {"name": "one"})
        txn.execute_batch("UPDATE things SET number = ? WHERE name = ?", [(1, "two"), (2, "five")])
        txn.execute("SELECT name, number FROM things ORDER BY name")
        return [updated, deleted, txn.fetchall()]


class After(Storing):
    """What is called once a transaction is over, and in which thread."""

    def __init__(self, config, api):
        super().__init__(config, api)
        self.seen = []
        self.attempts = 0

    def note(self, word, again=None):
        from twisted.python.threadable import isInIOThread

        self.seen.append([word, again, isInIOThread()])

    def good(self, txn):
        self.attempts += 1
        txn.call_after(self.note, "after", again=1)
        txn.call_on_exception(self.note, "exception")
        txn.execute("SELECT 1")
        return txn.fetchone()[0]

    def bad(self, txn):
        self.good(txn)
        raise ValueError("rolled back")

    def kept(self, txn):
        self.transaction = txn

    async def run(self, name, *_):
        if name == "what was seen":
            seen, self.seen, attempts, self.attempts = self.seen, [], self.attempts, 0
            return [seen, attempts]
        if name == "too late":
            return self.transaction.execute("SELECT 1")
        return await super().run(name)
