"""A module for the contract's server, loaded as it is: every message of listed users is refused.

It does what `examples/modules/list_spam_checker.cpp` does, so that the two can be read side by side.
"""

from typing import Any, Dict, FrozenSet, Literal, Tuple, Union

from synapse.http.site import SynapseRequest
from synapse.module_api import NOT_SPAM, DirectServeJsonResource, EventBase, ModuleApi, UserID
from synapse.module_api.errors import Codes, ConfigError, SynapseError


class IsUserEvilResource(DirectServeJsonResource):
    """GET with `?user=`: whether that user is on the list."""

    def __init__(self, evil_users: FrozenSet[str]) -> None:
        super().__init__()
        self._evil_users = evil_users

    async def _async_render_GET(self, request: SynapseRequest) -> Tuple[int, Dict[str, bool]]:
        given = request.args.get(b"user")
        if not given:
            raise SynapseError(400, "Missing string query parameter user", Codes.MISSING_PARAM)
        return 200, {"evil": given[0].decode("utf-8", "replace") in self._evil_users}


class ListSpamChecker:
    def __init__(self, config: FrozenSet[str], api: ModuleApi) -> None:
        self._evil_users = config
        api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)
        api.register_web_resource("/_synapse/client/evil_users/is_evil", IsUserEvilResource(config))

    @staticmethod
    def parse_config(config: Dict[str, Any]) -> FrozenSet[str]:
        evil_users = config.get("evil_users", [])
        if not isinstance(evil_users, list):
            raise ConfigError("must be a list of user ids", ("evil_users",))
        for index, user in enumerate(evil_users):
            if not isinstance(user, str) or not UserID.is_valid(user):
                raise ConfigError("must be a user id", ("evil_users", str(index)))
        return frozenset(evil_users)

    async def check_event_for_spam(self, event: EventBase) -> Union[Literal["NOT_SPAM"], Codes]:
        return Codes.FORBIDDEN if event.sender in self._evil_users else NOT_SPAM
