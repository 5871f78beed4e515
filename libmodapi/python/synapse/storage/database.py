"""Transactions of the homeserver's database as modules use them: a cursor, and functions for simple statements."""

from typing import Any, Callable, Collection, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from twisted.internet.defer import Deferred

from modapi_bridge import values as wire
from modapi_bridge.not_offered import names_of
from modapi_bridge.transactions import run_transaction
from synapse.api.errors import StoreError


class Row(Tuple[Any, ...]):
    """A row: a tuple, whose columns can be had by name too."""

    names: Tuple[str, ...] = ()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            try:
                return super().__getitem__(self.names.index(key))
            except ValueError:
                raise KeyError(key) from None
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """A column, or the default where there is none."""
        return self[key] if key in self.names else default

    def keys(self) -> Tuple[str, ...]:
        """The columns' names."""
        return self.names


def _row(names: Tuple[str, ...], held: Iterable[Any]) -> Row:
    row = Row(held)
    row.names = names
    return row


class LoggingTransaction:
    """A cursor of a transaction that runs; `?` marks a parameter. Rows are tuples.

    Errors are those of the DB-API, as the classes of these names in sqlite3. Not to be kept beyond the function that is given it.
    """

    def __init__(
        self,
        ask: Callable[[Dict[str, Any]], Any],
        name: str,
        engine: str,
        after_callbacks: List[Any],
        exception_callbacks: List[Any],
    ) -> None:
        self._ask = ask
        self.name = name
        self.database_engine = DatabaseEngine(engine)
        self._after = after_callbacks
        self._on_exception = exception_callbacks
        self._rows: List[Any] = []
        self._next = 0
        self._closed = False
        self.rowcount = -1
        self.description: Optional[List[Tuple[Any, ...]]] = None

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        """Runs a statement."""
        self._run({"do": "execute", "sql": sql, "parameters": [wire.to_wire(one) for one in parameters]})

    def executemany(self, sql: str, *args: Any) -> None:
        """Runs a statement once for each list of parameters."""
        (lists,) = args
        self._run({"do": "execute_many", "sql": sql, "parameters": [[wire.to_wire(one) for one in held] for held in lists]})

    def execute_batch(self, sql: str, args: Iterable[Iterable[Any]]) -> None:
        """As executemany."""
        self.executemany(sql, args)

    def _run(self, message: Dict[str, Any]) -> None:
        if self._closed:
            raise RuntimeError("the transaction %s is over" % self.name)
        answer = self._ask(message)
        columns = answer.get("columns")
        self.description = [(name, None, None, None, None, None, None) for name in columns] if columns else None
        self._rows = answer.get("rows") or []
        self._next = 0
        self.rowcount = answer.get("rowcount", -1)

    def fetchone(self) -> Optional[Tuple[Any, ...]]:
        """The next row."""
        if self._next >= len(self._rows):
            return None
        self._next += 1
        return tuple(wire.from_wire(one) for one in self._rows[self._next - 1])

    def fetchmany(self, size: int = 1) -> List[Tuple[Any, ...]]:
        """The next rows."""
        return [row for row in (self.fetchone() for _ in range(min(size, len(self._rows) - self._next))) if row is not None]

    def fetchall(self) -> List[Tuple[Any, ...]]:
        """All rows that are left."""
        return list(self)

    def __iter__(self) -> Iterator[Tuple[Any, ...]]:
        while True:
            row = self.fetchone()
            if row is None:
                return
            yield row

    def call_after(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls a function once the transaction is committed, in the reactor's thread."""
        self._after.append((callback, args, kwargs))

    def call_on_exception(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Calls a function once the transaction is rolled back for good."""
        self._on_exception.append((callback, args, kwargs))

    def close(self) -> None:
        """The cursor isn't used any more."""
        self._closed = True
        self._rows = []

    def __enter__(self) -> "LoggingTransaction":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class DatabaseEngine:
    """Which database it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_postgresql = name == "postgresql"
        self.supports_returning = True
        self.supports_using_any_list = False

    def convert_param_style(self, sql: str) -> str:
        """The statement as it is: the homeserver puts in the database's own marks."""
        return sql


Cursor = LoggingTransaction


def make_in_list_sql_clause(
    database_engine: Any, column: str, iterable: Collection[Any], negative: bool = False
) -> Tuple[str, Any]:
    """A clause for one of several values, and its parameters."""
    found = list(iterable)
    if not found:
        return ("1 = 1" if negative else "1 = 0"), []
    return "%s %s (%s)" % (column, "NOT IN" if negative else "IN", ", ".join("?" * len(found))), found


def _require_one(count: int, table: str) -> None:
    """Errors: StoreError, 404 for no row that was touched, 500 for several."""
    if count == 0:
        raise StoreError(404, "No row found (%s)" % table)
    if count > 1:
        raise StoreError(500, "More than one row matched (%s)" % table)


def _where(keyvalues: Optional[Mapping[str, Any]], *more: str) -> str:
    clauses = ["%s = ?" % column for column in keyvalues or ()] + list(more)
    return (" WHERE " + " AND ".join(clauses)) if clauses else ""


_AT_ONCE = 100


def _portions(values: Iterable[Any]) -> Iterator[List[Any]]:
    found = list(values)
    for place in range(0, len(found), _AT_ONCE):
        yield found[place : place + _AT_ONCE]


class DatabasePool:
    """Functions for simple statements: of a transaction that runs (`..._txn`), or in one of their own (without)."""

    def __init__(self, entry: Optional[str] = None, engine: Any = None) -> None:
        self._entry = entry

    # In a transaction of the caller's.

    @staticmethod
    def cursor_to_dict(txn: LoggingTransaction) -> List[Dict[str, Any]]:
        """The rows that are left, each a dictionary."""
        names = [column[0] for column in txn.description or ()]
        return [dict(zip(names, row)) for row in txn]

    @staticmethod
    def simple_insert_txn(txn: LoggingTransaction, table: str, values: Mapping[str, Any]) -> None:
        """Inserts a row."""
        sql = "INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(values), ", ".join("?" * len(values)))
        txn.execute(sql, list(values.values()))

    @staticmethod
    def simple_insert_many_txn(
        txn: LoggingTransaction, table: str, keys: Collection[str], values: Iterable[Iterable[Any]]
    ) -> None:
        """Inserts rows, each with a value for every key."""
        rows = [list(row) for row in values]
        if rows:
            sql = "INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(keys), ", ".join("?" * len(keys)))
            txn.execute_batch(sql, rows)

    @staticmethod
    def simple_upsert_txn(
        txn: LoggingTransaction,
        table: str,
        keyvalues: Mapping[str, Any],
        values: Mapping[str, Any],
        insertion_values: Optional[Mapping[str, Any]] = None,
        where_clause: Optional[str] = None,
    ) -> bool:
        """Updates the row with these keys, or inserts it. Keys must be unique in the table. Whether something was done."""
        every = {**keyvalues, **values, **(insertion_values or {})}
        sql = "INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) %sDO %s" % (
            table,
            ", ".join(every),
            ", ".join("?" * len(every)),
            ", ".join(keyvalues),
            "WHERE %s " % where_clause if where_clause else "",
            "UPDATE SET " + ", ".join("%s = EXCLUDED.%s" % (column, column) for column in values) if values else "NOTHING",
        )
        txn.execute(sql, list(every.values()))
        return txn.rowcount != 0

    @staticmethod
    def simple_upsert_many_txn(
        txn: LoggingTransaction,
        table: str,
        key_names: Collection[str],
        key_values: Collection[Iterable[Any]],
        value_names: Collection[str],
        value_values: Iterable[Iterable[Any]],
    ) -> None:
        """simple_upsert_txn for many rows."""
        others: List[Sequence[Any]] = [list(row) for row in value_values] if value_names else [[] for _ in key_values]
        for keys, values in zip(key_values, others):
            DatabasePool.simple_upsert_txn(txn, table, dict(zip(key_names, keys)), dict(zip(value_names, values)))

    @staticmethod
    def simple_select_one_txn(
        txn: LoggingTransaction,
        table: str,
        keyvalues: Mapping[str, Any],
        retcols: Collection[str],
        allow_none: bool = False,
    ) -> Optional[Dict[str, Any]]:
        """One row as a dictionary. Errors: StoreError, 404 for none unless that is allowed, 500 for several."""
        rows = DatabasePool.simple_select_list_txn(txn, table, keyvalues, retcols)
        if not rows and allow_none:
            return None
        _require_one(len(rows), table)
        return dict(zip(retcols, rows[0]))

    @staticmethod
    def simple_select_one_onecol_txn(
        txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any], retcol: str, allow_none: bool = False
    ) -> Any:
        """One value. Errors: StoreError 404 for none unless that is allowed."""
        found = DatabasePool.simple_select_onecol_txn(txn, table, keyvalues, retcol)
        if found:
            return found[0]
        if allow_none:
            return None
        raise StoreError(404, "No row found")

    @staticmethod
    def simple_select_onecol_txn(
        txn: LoggingTransaction, table: str, keyvalues: Optional[Mapping[str, Any]], retcol: str
    ) -> List[Any]:
        """One column of all rows with these keys."""
        txn.execute("SELECT %s FROM %s%s" % (retcol, table, _where(keyvalues)), list((keyvalues or {}).values()))
        return [row[0] for row in txn]

    @staticmethod
    def simple_select_list_txn(
        txn: LoggingTransaction, table: str, keyvalues: Optional[Mapping[str, Any]], retcols: Iterable[str]
    ) -> List[Row]:
        """All rows with these keys."""
        names = tuple(retcols)
        sql = "SELECT %s FROM %s%s" % (", ".join(names), table, _where(keyvalues))
        txn.execute(sql, list((keyvalues or {}).values()))
        return [_row(names, row) for row in txn]

    @staticmethod
    def simple_select_many_txn(
        txn: LoggingTransaction,
        table: str,
        column: str,
        iterable: Collection[Any],
        keyvalues: Mapping[str, Any],
        retcols: Collection[str],
    ) -> List[Row]:
        """All rows with these keys, and one of several values in a column."""
        names = tuple(retcols)
        found: List[Row] = []
        for portion in _portions(iterable):
            clause, parameters = make_in_list_sql_clause(txn.database_engine, column, portion)
            sql = "SELECT %s FROM %s%s" % (", ".join(names), table, _where(keyvalues, clause))
            txn.execute(sql, list(keyvalues.values()) + parameters)
            found += [_row(names, row) for row in txn]
        return found

    @staticmethod
    def simple_update_txn(
        txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any], updatevalues: Mapping[str, Any]
    ) -> int:
        """Changes rows; how many."""
        sql = "UPDATE %s SET %s%s" % (table, ", ".join("%s = ?" % column for column in updatevalues), _where(keyvalues))
        txn.execute(sql, list(updatevalues.values()) + list(keyvalues.values()))
        return txn.rowcount

    @staticmethod
    def simple_update_one_txn(
        txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any], updatevalues: Mapping[str, Any]
    ) -> None:
        """Changes one row. Errors: StoreError, 404 for none, 500 for several."""
        _require_one(DatabasePool.simple_update_txn(txn, table, keyvalues, updatevalues), table)

    @staticmethod
    def simple_delete_one_txn(txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any]) -> None:
        """Deletes one row. Errors: StoreError, 404 for none, 500 for several."""
        _require_one(DatabasePool.simple_delete_txn(txn, table, keyvalues), table)

    @staticmethod
    def simple_delete_txn(txn: LoggingTransaction, table: str, keyvalues: Mapping[str, Any]) -> int:
        """Deletes rows; how many."""
        txn.execute("DELETE FROM %s%s" % (table, _where(keyvalues)), list(keyvalues.values()))
        return txn.rowcount

    @staticmethod
    def simple_delete_many_txn(
        txn: LoggingTransaction, table: str, column: str, values: Collection[Any], keyvalues: Mapping[str, Any]
    ) -> int:
        """Deletes rows with these keys, and one of several values in a column; how many."""
        count = 0
        for portion in _portions(values):
            clause, parameters = make_in_list_sql_clause(txn.database_engine, column, portion)
            txn.execute("DELETE FROM %s%s" % (table, _where(keyvalues, clause)), list(keyvalues.values()) + parameters)
            count += txn.rowcount
        return count

    # In a transaction of their own.

    async def runInteraction(self, desc: str, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs a function with a transaction, as ModuleApi.run_db_interaction does."""
        for option in ("db_autocommit", "isolation_level"):
            kwargs.pop(option, None)
        return await run_transaction(self._entry, desc, func, *args, **kwargs)

    async def execute(self, desc: str, *arguments: Any) -> Any:
        """Runs a statement and gives its rows. Before the statement there may be a function for the cursor, as there once was."""
        decoder: Any = None
        if arguments and not isinstance(arguments[0], str):
            decoder, arguments = arguments[0], arguments[1:]
        sql, *parameters = arguments

        def run(txn: LoggingTransaction) -> Any:
            txn.execute(sql, parameters)
            return decoder(txn) if decoder is not None else txn.fetchall()

        return await run_transaction(self._entry, desc, run)

    def _alone(self, desc: str, function: Callable[..., Any], *arguments: Any) -> "Deferred[Any]":
        return run_transaction(self._entry, desc, function, *arguments)

    async def simple_insert(self, table: str, values: Mapping[str, Any], desc: str = "simple_insert") -> None:
        """As simple_insert_txn."""
        await self._alone(desc, self.simple_insert_txn, table, values)

    async def simple_insert_many(
        self, table: str, keys: Collection[str], values: Collection[Iterable[Any]], desc: str = "simple_insert_many"
    ) -> None:
        """As simple_insert_many_txn."""
        await self._alone(desc, self.simple_insert_many_txn, table, keys, values)

    async def simple_upsert(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        values: Mapping[str, Any],
        insertion_values: Optional[Mapping[str, Any]] = None,
        where_clause: Optional[str] = None,
        desc: str = "simple_upsert",
    ) -> bool:
        """As simple_upsert_txn."""
        return await self._alone(  # type: ignore[no-any-return]
            desc, self.simple_upsert_txn, table, keyvalues, values, insertion_values, where_clause
        )

    async def simple_select_one(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        retcols: Collection[str],
        allow_none: bool = False,
        desc: str = "simple_select_one",
    ) -> Optional[Dict[str, Any]]:
        """As simple_select_one_txn."""
        return await self._alone(desc, self.simple_select_one_txn, table, keyvalues, retcols, allow_none)  # type: ignore[no-any-return]

    async def simple_select_one_onecol(
        self,
        table: str,
        keyvalues: Mapping[str, Any],
        retcol: str,
        allow_none: bool = False,
        desc: str = "simple_select_one_onecol",
    ) -> Any:
        """As simple_select_one_onecol_txn."""
        return await self._alone(desc, self.simple_select_one_onecol_txn, table, keyvalues, retcol, allow_none)

    async def simple_select_onecol(
        self, table: str, keyvalues: Optional[Mapping[str, Any]], retcol: str, desc: str = "simple_select_onecol"
    ) -> List[Any]:
        """As simple_select_onecol_txn."""
        return await self._alone(desc, self.simple_select_onecol_txn, table, keyvalues, retcol)  # type: ignore[no-any-return]

    async def simple_select_list(
        self,
        table: str,
        keyvalues: Optional[Mapping[str, Any]],
        retcols: Collection[str],
        desc: str = "simple_select_list",
    ) -> List[Row]:
        """As simple_select_list_txn."""
        return await self._alone(desc, self.simple_select_list_txn, table, keyvalues, retcols)  # type: ignore[no-any-return]

    async def simple_update(
        self, table: str, keyvalues: Mapping[str, Any], updatevalues: Mapping[str, Any], desc: str = "simple_update"
    ) -> int:
        """As simple_update_txn."""
        return await self._alone(desc, self.simple_update_txn, table, keyvalues, updatevalues)  # type: ignore[no-any-return]

    async def simple_update_one(
        self, table: str, keyvalues: Mapping[str, Any], updatevalues: Mapping[str, Any], desc: str = "simple_update_one"
    ) -> None:
        """As simple_update_one_txn."""
        await self._alone(desc, self.simple_update_one_txn, table, keyvalues, updatevalues)

    async def simple_delete(self, table: str, keyvalues: Mapping[str, Any], desc: str = "simple_delete") -> int:
        """As simple_delete_txn."""
        return await self._alone(desc, self.simple_delete_txn, table, keyvalues)  # type: ignore[no-any-return]


__getattr__ = names_of(__name__)
