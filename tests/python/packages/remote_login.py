"""Logins that another service decides, over HTTP and in threads; accounts and profiles are made on the way."""

import json
import logging
import time
from typing import Awaitable, Callable, Optional, Tuple

from synapse.api.errors import CodeMessageException, HttpResponseException
from synapse.module_api import JsonDict, LoginResponse, ModuleApi
from synapse.types import UserID
from twisted.internet import defer, reactor, threads
from twisted.web.client import readBody

logger = logging.getLogger(__name__)


class RemoteLogin:
    def __init__(self, config: dict, api: ModuleApi):
        self.api = api
        self.endpoint = config["endpoint"]
        self.answers = {}
        api.register_password_auth_provider_callbacks(
            auth_checkers={
                ("m.login.password", ("password",)): self.check,
                ("org.example.thread", ("pin",)): self.check_in_thread,
            },
            on_logged_out=self.on_logged_out,
            get_username_for_registration=self.get_username,
            is_3pid_allowed=self.is_3pid_allowed,
        )
        reactor.callWhenRunning(self.started)

    def started(self):
        logger.info("remote login is ready")

    async def check(
        self, username: str, login_type: str, login_dict: JsonDict
    ) -> Optional[Tuple[str, Optional[Callable[[LoginResponse], Awaitable[None]]]]]:
        user_id = self.api.get_qualified_user_id(username)
        try:
            answer = await self.api.http_client.post_json_get_json(
                self.endpoint, {"user": {"id": user_id, "password": login_dict["password"]}}, headers={"X-Kind": ["login"]}
            )
        except HttpResponseException as error:
            logger.info("%s: %d %s", self.endpoint, error.code, json.loads(error.response)["error"])
            return None
        except CodeMessageException:
            return None
        localpart = UserID.from_string(user_id).localpart
        if not await self.api.check_user_exists(user_id):
            user_id = await self.api.register_user(localpart, displayname=answer["name"], emails=answer.get("emails", []))
        store = self.api._hs.get_profile_handler().store
        await store.set_profile_displayname(localpart, answer["name"])
        if await self.api._hs.get_datastores().main.get_user_id_by_threepid("email", "a@x") is None:
            await self.api._auth_handler.add_threepid(user_id, "email", "a@x", int(time.time() * 1000))

        async def respond(response: LoginResponse) -> None:
            response["well_known"] = {"m.homeserver": {"base_url": self.api.public_baseurl}}

        return user_id, respond

    async def check_in_thread(self, username, login_type, login_dict):
        right = await threads.deferToThread(self.blocking, login_dict["pin"])
        return (self.api.get_qualified_user_id(username), None) if right else None

    def blocking(self, pin):
        return pin == "1234"

    async def on_logged_out(self, user_id, device_id, access_token):
        response = await self.api.http_client.request("DELETE", self.endpoint, headers={"X-User": [user_id]})
        body = await readBody(response)
        self.answers[user_id] = (response.code, body)

    async def get_username(self, uia_results, params):
        waiting = defer.Deferred()
        reactor.callLater(0.001, waiting.callback, "user_" + params["username"])
        return await waiting

    async def is_3pid_allowed(self, medium, address, registration):
        return address.endswith("@example.org")
