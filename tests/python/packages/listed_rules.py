"""Rules kept in rooms, and what rooms may be: written with inlineCallbacks and with coroutines, as published modules are."""

import logging
import re
from typing import Any, Dict, Optional, Tuple, Union

import synapse
from synapse.api.constants import EventTypes, JoinRules, Membership, RoomCreationPreset
from synapse.events import EventBase
from synapse.module_api import NOT_SPAM, ModuleApi, StateMap, UserProfile
from synapse.module_api import errors as errors
from synapse.types import Requester, UserID, get_domain_from_id
from twisted.internet import defer

logger = logging.getLogger(__name__)


class ListedRules:
    def __init__(self, config: Dict[str, Any], api: "synapse.module_api.ModuleApi"):
        self.api = api
        self.rooms = config.get("rooms", [])
        self.banned: Optional[list] = None
        api.register_spam_checker_callbacks(
            check_event_for_spam=self.check_event_for_spam,
            user_may_invite=self.user_may_invite,
            check_username_for_spam=self.check_username_for_spam,
        )
        api.register_third_party_rules_callbacks(
            check_event_allowed=self.check_event_allowed, on_create_room=self.on_create_room, on_new_event=self.on_new_event
        )

    @staticmethod
    def parse_config(config):
        if not isinstance(config.get("rooms", []), list):
            raise errors.ConfigError("rooms must be a list")
        return config

    @defer.inlineCallbacks
    def read_lists(self):
        self.banned = []
        for room in self.rooms:
            events = yield self.api.get_state_events_in_room(room, types=[("m.policy.rule.user", None)])
            for event in events:
                glob = event.content.get("entity", "")
                self.banned.append(re.compile(re.escape(glob).replace(r"\*", ".*"), re.IGNORECASE))

    @defer.inlineCallbacks
    def is_banned(self, user_id):
        if self.banned is None:
            yield defer.ensureDeferred(self.api.sleep(0))
            yield self.read_lists()
        defer.returnValue(any(glob.fullmatch(user_id) for glob in self.banned))

    async def check_event_for_spam(self, event: EventBase) -> Union[bool, str]:
        return await self.is_banned(event.sender)

    async def user_may_invite(self, inviter: str, invitee: str, room_id: str) -> bool:
        return not await self.is_banned(inviter)

    @defer.inlineCallbacks
    def check_username_for_spam(self, profile: UserProfile):
        banned = yield self.is_banned(profile["user_id"])
        return banned

    async def check_event_allowed(self, event: EventBase, state: StateMap[EventBase]) -> Tuple[bool, Optional[dict]]:
        if event.type == EventTypes.JoinRules and event.content.get("join_rule") == JoinRules.PUBLIC:
            power = state.get((EventTypes.PowerLevels, ""))
            members = [
                one for (kind, _), one in state.items() if kind == EventTypes.Member and one.membership == Membership.JOIN
            ]
            return power is not None and len(members) < 3, None
        if event.type == EventTypes.Message and "forbidden" in event.content.get("body", ""):
            replaced = event.get_dict()
            replaced["content"] = dict(event.content, body="***")
            return True, replaced
        if get_domain_from_id(event.sender) == "evil.example":
            raise errors.SynapseError(403, "not from there", errors.Codes.FORBIDDEN)
        return True, None

    async def on_create_room(self, requester: Requester, config: Dict[str, Any], is_requester_admin: bool) -> None:
        if config.get("preset") == RoomCreationPreset.PUBLIC_CHAT and not is_requester_admin:
            raise errors.SynapseError(400, "%s may make no public rooms" % requester.user.localpart)
        config.setdefault("initial_state", []).append({"type": "org.example", "content": {}})

    async def on_new_event(self, event: EventBase, state: StateMap[EventBase]) -> None:
        if event.room_id in self.rooms and event.is_state():
            self.banned = None
        elif event.type == EventTypes.Member and event.membership == Membership.INVITE:
            if self.api.is_mine(event.state_key):
                user = UserID.from_string(event.state_key)
                await self.api.update_room_membership(
                    sender=user.to_string(), target=user.to_string(), room_id=event.room_id, new_membership="join"
                )


assert NOT_SPAM == "NOT_SPAM" and ModuleApi
