"""A module that asks for more than a module should: whom it is asked about says for what."""

import logging
import time
from typing import Any, Dict

from synapse.module_api import NOT_SPAM, ModuleApi
from synapse.module_api.errors import Codes
from twisted.internet.defer import ensureDeferred, gatherResults


class Asking:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        self._api = api
        api.register_spam_checker_callbacks(user_may_create_room=self.user_may_create_room)

    async def user_may_create_room(self, user: str) -> Any:
        good = await getattr(self, user[1:].partition(":")[0])()
        return NOT_SPAM if good else Codes.FORBIDDEN

    async def nothing(self) -> bool:
        return True

    async def many(self) -> bool:
        asked = [ensureDeferred(self._api.check_user_exists("@alice:example.org")) for _ in range(5000)]
        return set(await gatherResults(asked)) == {"@alice:example.org"}

    async def flood(self) -> bool:
        """Past this side's own limit."""
        from modapi_bridge.calls import current
        from modapi_bridge.host import host

        running = current.get()
        assert running is not None
        event = {"type": "m.room.message", "room_id": "!room:example.org", "sender": "@alice:example.org", "content": {}}
        message = {"do": "operation", "entry": running.entry, "call": running.call, "member": "create_and_send_event_into_room"}
        refused = []

        def refuse(failure: Any) -> None:
            refused.append(str(failure.value))
            if len(refused) == 500:
                logging.getLogger("asking").warning("%d were refused", len(refused))

        asked = [host.channel.ask({**message, "arguments": {"event_dict": event}}) for _ in range(1500)]
        for one in asked:
            one.addErrback(refuse)
        answered = [each for each in await gatherResults(asked) if each is not None]
        expected = "create_and_send_event_into_room of module asking.Asking: the host takes no further operation"
        return len(answered) == 1000 and len(refused) == 500 and all(text.startswith(expected) for text in refused)

    async def sends(self) -> bool:
        message = {"type": "m.room.message", "room_id": "!room:example.org", "sender": "@alice:example.org", "content": {}}
        asked = [ensureDeferred(self._api.create_and_send_event_into_room(dict(message))) for _ in range(80)]
        return len(await gatherResults(asked)) == 80

    async def looks(self) -> bool:
        return await self._api.check_user_exists("@alice:example.org") is not None

    async def states(self) -> bool:
        asked = [ensureDeferred(self._api.get_room_state("!room:example.org")) for _ in range(20)]
        time.sleep(1)
        return [len(state) for state in await gatherResults(asked)] == [1000] * 20
