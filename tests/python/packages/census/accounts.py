"""Accounts: logins, registrations, who is found, and what is kept about users."""

from typing import Any, Awaitable, Callable, Optional, Tuple

from synapse.api.constants import AccountDataTypes, LoginType
from synapse.module_api import JsonDict, JsonMapping, LoginResponse, ModuleApi, ProfileInfo, UserInfo, UserProfile
from synapse.spam_checker_api import RegistrationBehaviour
from synapse.types import UserID
from synapse.util.stringutils import random_string

KEPT = "org.example.census"


class Accounts:
    def __init__(self, config: dict, api: ModuleApi):
        self.api = api
        self.pin = config["pin"]
        api.register_password_auth_provider_callbacks(
            auth_checkers={("org.example.pin", ("pin",)): self.check_pin, (LoginType.PASSWORD, ("password",)): self.check_pin},
            get_username_for_registration=self.get_username,
        )
        api.register_spam_checker_callbacks(
            check_username_for_spam=self.check_username_for_spam, check_registration_for_spam=self.check_registration
        )
        api.register_account_data_callbacks(on_account_data_updated=self.on_account_data_updated)

    async def check_pin(
        self, username: str, login_type: str, login_dict: JsonDict
    ) -> Optional[Tuple[str, Optional[Callable[[LoginResponse], Awaitable[None]]]]]:
        if login_dict.get("pin") != self.pin:
            return None
        user_id = self.api.get_qualified_user_id(username)
        if await self.api.check_user_exists(user_id) is None:
            user_id = await self.api.register_user(UserID.from_string(user_id).localpart, displayname=username.upper())
        info: Optional[UserInfo] = await self.api.get_userinfo_by_id(user_id)
        profile: ProfileInfo = await self.api.get_profile_for_user(UserID.from_string(user_id).localpart)
        assert info is not None and not info.is_guest

        async def respond(response: LoginResponse) -> None:
            response["org.example.name"] = profile.display_name
            response["org.example.admin"] = info.is_admin

        return user_id, respond

    async def get_username(self, uia_results: JsonDict, params: JsonDict) -> Optional[str]:
        name = params["username"]
        return "guest-" + random_string(8).lower() if name == "random" else None

    async def check_registration(
        self, email_threepid: Optional[dict], username: Optional[str], request_info: Any, auth_provider_id: Optional[str] = None
    ) -> RegistrationBehaviour:
        return RegistrationBehaviour.DENY if username == "denied" else RegistrationBehaviour.ALLOW

    async def check_username_for_spam(self, user_profile: UserProfile, requester_id: str) -> bool:
        return user_profile["display_name"] == "HIDDEN" and requester_id != user_profile["user_id"]

    async def on_account_data_updated(
        self, user_id: str, room_id: Optional[str], account_data_type: str, content: JsonMapping
    ) -> None:
        if account_data_type != AccountDataTypes.DIRECT:
            return
        kept = await self.api.account_data_manager.get_global(user_id, KEPT)
        changed = {"times": (kept or {"times": 0})["times"] + 1, "people": sorted(content)}
        await self.api.account_data_manager.put_global(user_id, KEPT, changed)
