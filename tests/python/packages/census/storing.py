"""A table, a cache before it, another service behind it: receipts of events that users asked to have kept."""

import logging
from typing import Dict, List, Optional

from synapse.api.constants import ReceiptTypes
from synapse.api.errors import Codes, HttpResponseException, RequestTimedOutError, StoreError, SynapseError
from synapse.http.client import SimpleHttpClient
from synapse.module_api import (
    DatabasePool,
    DirectServeJsonResource,
    LoggingTransaction,
    ModuleApi,
    cached,
    parse_json_object_from_request,
    run_as_background_process,
)

logger = logging.getLogger(__name__)


class Kept(DirectServeJsonResource):
    def __init__(self, module: "Storing"):
        super().__init__()
        self.module = module

    async def _async_render_GET(self, request):
        user = request.args[b"user"][0].decode()
        return 200, {"kept": await self.module.number_of(user), "asked": self.module.asked}

    async def _async_render_PUT(self, request):
        body = parse_json_object_from_request(request)
        await self.module.keep(body["user"], body["numbers"])
        return 200, {}

    async def _async_render_POST(self, request):
        body = parse_json_object_from_request(request)
        return 200, await self.module.look_up(body["user"], body["url"])


class Storing:
    def __init__(self, config: dict, api: ModuleApi):
        self.api = api
        self.http: SimpleHttpClient = api.http_client
        self.asked = 0
        self.made = run_as_background_process("make the table", self.make)
        api.register_cached_function(self.number_of)
        api.register_web_resource("/_synapse/client/census/kept", Kept(self))

    async def make(self) -> None:
        def make_table(txn: LoggingTransaction) -> None:
            txn.execute("CREATE TABLE IF NOT EXISTS census_kept(user_id TEXT, number BIGINT, kind TEXT, is_new BOOLEAN)")

        await self.api.run_db_interaction("make census_kept", make_table)

    @cached()
    async def number_of(self, user_id: str) -> int:
        self.asked += 1
        rows = await self.api.run_db_interaction("number of kept", self.rows_of, user_id)
        return sum(row["number"] for row in rows)

    def rows_of(self, txn: LoggingTransaction, user_id: str) -> List[Dict]:
        return DatabasePool.simple_select_list_txn(txn, "census_kept", {"user_id": user_id}, ("number", "is_new"))

    async def keep(self, user_id: str, numbers: List[int]) -> None:
        def insert(txn: LoggingTransaction) -> None:
            values = [(user_id, number, ReceiptTypes.READ, True) for number in numbers]
            DatabasePool.simple_insert_many_txn(txn, "census_kept", ("user_id", "number", "kind", "is_new"), values)
            if sum(numbers) < 0:
                raise StoreError(400, "nobody keeps less than nothing", Codes.INVALID_PARAM)
            txn.call_after(self.number_of.invalidate, (user_id,))

        await self.api.run_db_interaction("keep", insert)
        await self.api.invalidate_cache(self.number_of, (user_id,))

    async def look_up(self, user_id: str, url: str) -> Dict[str, Optional[object]]:
        def first(txn: LoggingTransaction):
            columns = {"user_id": user_id, "kind": ReceiptTypes.READ, "number": 1}
            row = DatabasePool.simple_select_one_txn(txn, "census_kept", columns, ("is_new",), allow_none=True)
            if row is not None:
                DatabasePool.simple_update_one_txn(txn, "census_kept", columns, {"is_new": False})
            return None if row is None else bool(row["is_new"])

        was_new = await self.api.run_db_interaction("first", first)
        try:
            answer = await self.http.post_json_get_json(url, {"user": user_id, "was_new": was_new})
        except HttpResponseException as error:
            return {"was_new": was_new, "service": error.code, "said": error.response.decode()}
        except (RequestTimedOutError, SynapseError, OSError) as error:
            return {"was_new": was_new, "service": None, "said": type(error).__name__}
        return {"was_new": was_new, "service": 200, "said": answer["said"]}
