"""Rooms: what may be created, joined, sent and named, and what is done afterwards."""

import logging
from typing import Optional, Tuple, Union

import synapse
from synapse.api.constants import EventTypes, HistoryVisibility, JoinRules, Membership, RoomCreationPreset
from synapse.api.errors import ShadowBanError
from synapse.api.room_versions import EventFormatVersions, RoomVersion
from synapse.events import EventBase
from synapse.module_api import NOT_SPAM, JsonDict, ModuleApi, StateMap, UserID, errors, run_as_background_process
from synapse.module_api.errors import Codes, ConfigError, SynapseError
from synapse.types import Requester, RoomAlias, RoomID, create_requester

logger = logging.getLogger(__name__)


class Rooms:
    def __init__(self, config: dict, api: ModuleApi):
        if tuple(int(part) for part in synapse.__version__.split(".")[:2]) < (1, 106):
            raise ConfigError("needs a later server")
        self.api = api
        self.steward = api.get_qualified_user_id(config["steward"])
        api.register_third_party_rules_callbacks(
            on_create_room=self.on_create_room, check_event_allowed=self.check_event_allowed, on_new_event=self.on_new_event
        )
        api.register_spam_checker_callbacks(
            check_event_for_spam=self.check_event_for_spam,
            user_may_invite=self.user_may_invite,
            user_may_create_room_alias=self.user_may_create_room_alias,
        )

        api.register_add_extra_fields_to_unsigned_client_event_callbacks(add_field_to_unsigned_callback=self.add_field)

    @staticmethod
    def parse_config(config: dict) -> dict:
        if "steward" not in config:
            raise ConfigError("'steward' is required", ("steward",))
        return config

    async def on_create_room(self, requester: Requester, room_config: JsonDict, is_requester_admin: bool) -> None:
        if room_config.get("preset") == RoomCreationPreset.PUBLIC_CHAT and not is_requester_admin:
            raise SynapseError(403, "%s may not create public rooms" % requester.user.localpart, errors.Codes.FORBIDDEN)
        visibility = {"type": EventTypes.RoomHistoryVisibility, "content": {"history_visibility": HistoryVisibility.JOINED}}
        room_config.setdefault("initial_state", []).append({"state_key": "", **visibility})

    async def check_event_allowed(self, event: EventBase, state: StateMap[EventBase]) -> Tuple[bool, Optional[dict]]:
        if event.type == EventTypes.JoinRules and event.content.get("join_rule") == JoinRules.PUBLIC:
            return False, None
        if event.type != EventTypes.Message or "version" not in event.content:
            return True, None
        version: RoomVersion = event.room_version
        replacement = event.get_dict()
        replacement["content"] = {
            **event.content,
            "version": version.identifier,
            "has_hashes_as_ids": version.event_format == EventFormatVersions.ROOM_V4_PLUS,
            "creator": state[(EventTypes.Create, "")].sender,
            "members": len([key for key in state.keys() if key[0] == EventTypes.Member]),
            "has_seventh": ("org.example.kind", "7") in state,
        }
        return True, replacement

    async def check_event_for_spam(self, event: EventBase) -> Union[str, bool]:
        if event.is_state():
            return False
        return "no advertisements" if "watches" in event.content.get("body", "") else NOT_SPAM

    async def user_may_invite(self, inviter: str, invitee: str, room_id: str) -> Union[str, Codes]:
        if not RoomID.is_valid(room_id):
            return Codes.INVALID_PARAM
        is_known = self.api.is_mine(invitee) and UserID.from_string(invitee).domain == self.api.server_name
        return NOT_SPAM if is_known or inviter == self.steward else Codes.FORBIDDEN

    async def user_may_create_room_alias(self, user_id: str, room_alias: RoomAlias) -> bool:
        return not room_alias.localpart.startswith("admin")

    async def add_field(self, event: EventBase) -> JsonDict:
        return {"org.example.census": event.type, "age": "nobody sees this"}

    async def on_new_event(self, event: EventBase, state: StateMap[EventBase]) -> None:
        if event.type != EventTypes.Member or event.membership != Membership.INVITE or event.state_key != self.steward:
            return
        run_as_background_process("join as the steward", self.join, event, bg_start_span=False)

    async def join(self, invite: EventBase) -> None:
        me = create_requester(self.steward)
        assert me.user.to_string() == self.steward
        try:
            await self.api.update_room_membership(self.steward, self.steward, invite.room_id, Membership.JOIN)
        except (ShadowBanError, SynapseError) as error:
            logger.warning("couldn't join %s: %s", invite.room_id, error)
            return
        content = {"msgtype": "m.notice", "body": "the steward is here"}
        message = {"type": EventTypes.Message, "room_id": invite.room_id, "sender": self.steward, "content": content}
        await self.api.create_and_send_event_into_room(message)
