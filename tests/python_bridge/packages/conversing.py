"""A module that uses every kind of value that a callback is given or gives."""

from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, List, Optional, Set, Tuple

from synapse.module_api import NOT_SPAM, ModuleApi, cached
from synapse.module_api.errors import Codes, SynapseError
from synapse.spam_checker_api import RegistrationBehaviour


class Conversing:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        self._api = api
        self._config = config or {}
        self._notes: List[str] = []
        self.fetches = 0
        api.register_third_party_rules_callbacks(
            check_event_allowed=self.check_event_allowed,
            on_create_room=self.on_create_room,
            on_profile_update=self.on_profile_update,
        )
        api.register_password_auth_provider_callbacks(
            auth_checkers={("org.example.login", ("secret",)): self.check_login},
            get_username_for_registration=self.get_username_for_registration,
        )
        api.register_background_update_controller_callbacks(
            on_update=self.on_update, default_batch_size=self.default_batch_size
        )
        api.register_presence_router_callbacks(
            get_users_for_states=self.get_users_for_states, get_interested_users=self.get_interested_users
        )
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(add_field_to_unsigned_callback=self.add_field)
        api.register_spam_checker_callbacks(
            check_event_for_spam=self.check_event_for_spam,
            user_may_invite=self.user_may_invite,
            user_may_join_room=self.user_may_join_room,
            user_may_publish_room=self.user_may_publish_room,
            check_username_for_spam=self.check_username_for_spam,
            check_registration_for_spam=self.check_registration_for_spam,
            check_media_file_for_spam=self.check_media_file_for_spam,
        )
        api.register_cached_function(self.fetch)

    async def check_event_allowed(self, event: Any, state: Any) -> Tuple[bool, Optional[Dict[str, Any]]]:
        body = event.content.get("body")
        if body == "replace":
            return True, {**event.get_dict(), "content": {"body": "replaced", "by": ("a", "pair")}}
        if body == "change":
            event.content["body"] = "changed"
        if body == "state":
            creator = state[("m.room.create", "")].sender
            missing = state.get(("m.room.topic", ""))
            return creator == "@alice:example.org" and missing is None and len(state) == 1, None
        if body == "refuse":
            raise SynapseError(418, "short and stout", "ORG_TEAPOT", {"tea": True})
        return body != "deny", None

    async def on_create_room(self, requester: Any, request: Dict[str, Any], is_admin: bool) -> None:
        request["name"] = "the room of " + requester.user.localpart
        request.pop("secret", None)

    async def on_profile_update(self, user_id: str, profile: Any, by_admin: bool, deactivation: bool) -> None:
        raise ValueError("%s %s" % (profile.display_name, profile.avatar_url))

    async def check_login(self, user: str, login_type: str, login: Dict[str, Any]) -> Any:
        if login["secret"] != "open sesame":
            return None

        async def respond(response: Dict[str, Any]) -> None:
            response["org.example.greeting"] = ("hello", user)

        return self._api.get_qualified_user_id(user), respond

    async def get_username_for_registration(self, results: Dict[str, Any], params: Dict[str, Any]) -> Optional[str]:
        return params.get("wanted")

    @asynccontextmanager
    async def _update(self, name: str) -> AsyncIterator[int]:
        try:
            yield 50
        except ValueError:
            self._notes.append(name)

    def on_update(self, update_name: str, database_name: str, one_shot: bool) -> Any:
        return self._update(update_name)

    async def default_batch_size(self, update_name: str, database_name: str) -> int:
        return len(self._notes)

    async def get_users_for_states(self, states: Any) -> Dict[str, Set[Any]]:
        return {"@bob:example.org": set(states)}

    async def get_interested_users(self, user_id: str) -> Set[str]:
        return {"@bob:example.org"}

    async def add_field(self, event: Any) -> Dict[str, Any]:
        return {"org.example.length": len(event.content["body"])}

    async def check_event_for_spam(self, event: Any) -> Any:
        if event.content.get("body") == "mark":
            event.internal_metadata.soft_failed = True
            return False
        return (Codes.LIMIT_EXCEEDED, {"after": 5}) if event.content.get("body") == "often" else NOT_SPAM

    async def user_may_invite(self, inviter: str, invitee: str, room_id: str) -> bool:
        return await self._api.check_user_exists(invitee) is not None

    async def user_may_join_room(self, user: str, room: str, is_invited: bool) -> Any:
        sent = await self._api.create_and_send_event_into_room(
            {"type": "org.example.knock", "room_id": room, "sender": "@alice:example.org", "content": {"user": user}}
        )
        return NOT_SPAM if sent.type == "org.example.knock" else Codes.UNKNOWN

    async def user_may_publish_room(self, user: str, room: str) -> bool:
        return bool(await self._api.http_client.get_json(self._config["neighbour"]))

    async def check_username_for_spam(self, profile: Dict[str, Any], requester: str) -> bool:
        return profile["display_name"] == "spam"

    async def check_registration_for_spam(
        self, email: Optional[Dict[str, Any]], username: Optional[str], info: List[Tuple[str, str]], provider: Optional[str] = None
    ) -> RegistrationBehaviour:
        return RegistrationBehaviour.DENY if info[0][1] == "6.6.6.6" else RegistrationBehaviour.ALLOW

    async def check_media_file_for_spam(self, file: Any, info: Any) -> Any:
        with open(file.path, "rb") as opened:
            return Codes.FORBIDDEN if opened.read() == b"bad" else NOT_SPAM

    @cached()
    async def fetch(self, key: str) -> int:
        self.fetches += 1
        return self.fetches
