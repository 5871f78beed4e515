"""Accounts that expire: a table, a loop, mails from templates, three web resources, a cached look-up, a callback."""

import logging
import os
from typing import Any, Optional, Tuple

from synapse.api.errors import StoreError
from synapse.config._base import Config
from synapse.module_api import (
    DatabasePool,
    DirectServeHtmlResource,
    DirectServeJsonResource,
    LoggingTransaction,
    ModuleApi,
    cached,
    parse_json_object_from_request,
    run_as_background_process,
)
from synapse.module_api.errors import ConfigError, SynapseError
from synapse.types import UserID
from synapse.util.stringutils import random_string
from twisted.web.server import Request

import attr

logger = logging.getLogger(__name__)


@attr.s(auto_attribs=True, frozen=True)
class Settings:
    period: int
    subject: str


class Expiring:
    def __init__(self, config: Settings, api: ModuleApi):
        self.api = api
        self.config = config
        if not api.public_baseurl:
            raise ConfigError("needs public_baseurl")
        folder = os.path.join(os.path.dirname(__file__), "templates")
        self.html, self.page = api.read_templates(["notice.html", "renewed.html"], folder)
        run_as_background_process("create the table", self.create)
        api.register_cached_function(self.expiry_of)
        api.register_account_validity_callbacks(
            is_user_expired=self.is_user_expired, on_user_registration=self.on_user_registration
        )
        api.register_web_resource("/_synapse/client/expiring/renew", Renew(self))
        api.register_web_resource("/_synapse/client/expiring/admin", Admin(self))
        if api.should_run_background_tasks():
            api.looping_background_call(self.send_mails, Config.parse_duration("1h"), desc="send mails")

    @staticmethod
    def parse_config(config: dict) -> Settings:
        if "period" not in config:
            raise ConfigError("'period' is required", path=("period",))
        return Settings(period=Config.parse_duration(config["period"]), subject=config.get("subject", "Renew %(app)s"))

    async def create(self) -> None:
        def txn(txn: LoggingTransaction) -> None:
            txn.execute(
                "CREATE TABLE IF NOT EXISTS expiring(user_id TEXT PRIMARY KEY, expires BIGINT NOT NULL, token TEXT)", ()
            )

        await self.api.run_db_interaction("create", txn)

    @cached()
    async def expiry_of(self, user_id: str) -> Optional[int]:
        def txn(txn: LoggingTransaction) -> Optional[int]:
            return DatabasePool.simple_select_one_onecol_txn(
                txn=txn, table="expiring", keyvalues={"user_id": user_id}, retcol="expires", allow_none=True
            )

        return await self.api.run_db_interaction("expiry_of", txn)

    async def is_user_expired(self, user_id: str) -> Optional[bool]:
        expires = await self.expiry_of(user_id)
        return None if expires is None else self.api._hs.get_clock().time_msec() >= expires

    async def on_user_registration(self, user_id: str) -> None:
        await self.set_expiry(user_id, self.api._hs.get_clock().time_msec() + self.config.period)

    async def set_expiry(self, user_id: str, expires: int) -> None:
        def txn(txn: LoggingTransaction) -> None:
            DatabasePool.simple_upsert_txn(txn, "expiring", {"user_id": user_id}, {"expires": expires}, {"token": None})
            txn.call_after(self.expiry_of.invalidate, (user_id,))

        await self.api.run_db_interaction("set_expiry", txn)
        await self.api.invalidate_cache(self.expiry_of, (user_id,))

    async def send_mails(self) -> None:
        def txn(txn: LoggingTransaction) -> Any:
            txn.execute("SELECT user_id, expires FROM expiring WHERE token IS NULL")
            return txn.fetchall()

        for user_id, expires in await self.api.run_db_interaction("due", txn):
            await self.send_mail(user_id, expires)

    async def send_mail(self, user_id: str, expires: int) -> None:
        token = random_string(32)
        await self.api.run_db_interaction("token", self.store_token, user_id, token=token)
        profile = await self.api.get_profile_for_user(UserID.from_string(user_id).localpart)
        html = self.html.render(name=profile.display_name or user_id, expires=expires, token=token)
        for threepid in await self.api.get_threepids_for_user(user_id):
            if threepid["medium"] == "email":
                subject = self.config.subject % {"app": self.api.email_app_name}
                await self.api.send_mail(threepid["address"], subject, html, token)

    def store_token(self, txn: LoggingTransaction, user_id: str, token: str) -> None:
        DatabasePool.simple_update_one_txn(txn, "expiring", {"user_id": user_id}, {"token": token})

    async def renew(self, token: str) -> Tuple[str, int]:
        def txn(txn: LoggingTransaction) -> Any:
            return DatabasePool.simple_select_one_txn(txn, "expiring", {"token": token}, ["user_id", "expires"])

        try:
            row = await self.api.run_db_interaction("by token", txn)
        except StoreError:
            raise SynapseError(400, "Invalid token")
        await self.set_expiry(row["user_id"], row["expires"] + self.config.period)
        return row["user_id"], row["expires"] + self.config.period


class Renew(DirectServeHtmlResource):
    def __init__(self, module: Expiring):
        super().__init__()
        self.module = module

    async def _async_render_GET(self, request: Request):
        if b"token" not in request.args:
            raise SynapseError(400, "Missing token")
        _, expires = await self.module.renew(request.args[b"token"][0].decode("ascii"))
        return 200, self.module.page.render(expires=expires).encode()


class Admin(DirectServeJsonResource):
    def __init__(self, module: Expiring):
        super().__init__()
        self.module = module

    async def _async_render_POST(self, request: Request):
        requester = await self.module.api.get_user_by_req(request)
        if not await self.module.api.is_user_admin(requester.user.to_string()):
            raise SynapseError(403, "You are not a server admin", "M_FORBIDDEN")
        body = parse_json_object_from_request(request)
        await self.module.set_expiry(body["user_id"], body["expires"])
        return 200, {"expires": body["expires"]}
