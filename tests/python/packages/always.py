"""Answers at once."""

from synapse.module_api import NOT_SPAM, ModuleApi
from synapse.module_api.errors import Codes


class Always:
    def __init__(self, config, api: ModuleApi):
        self.api = api
        api.register_spam_checker_callbacks(
            user_may_invite=self.user_may_invite,
            check_event_for_spam=self.check_event_for_spam,
            user_may_join_room=self.user_may_join_room,
        )

    async def user_may_invite(self, inviter, invitee, room_id):
        return Codes.FORBIDDEN if "evil" in inviter else NOT_SPAM

    async def check_event_for_spam(self, event):
        return (Codes.LIMIT_EXCEEDED, {"retry_after_ms": 5}) if event.content.get("body") == "spam" else NOT_SPAM

    async def user_may_join_room(self, user, room, is_invited):
        if await self.api.is_user_admin(user):
            return NOT_SPAM
        return Codes.FORBIDDEN
