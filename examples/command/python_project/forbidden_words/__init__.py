"""Refuses messages with a forbidden word."""

from typing import Any, Dict, List, Literal, Union

from synapse.module_api import NOT_SPAM, EventBase, ModuleApi
from synapse.module_api.errors import Codes, ConfigError


class ForbiddenWords:
    def __init__(self, config: List[str], api: ModuleApi) -> None:
        self._words = config
        api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)

    @staticmethod
    def parse_config(config: Dict[str, Any]) -> List[str]:
        """The words, in lower case. What is raised here keeps the server from starting, with the place."""
        words = config.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
            raise ConfigError("must be a list of words", ("words",))
        return [word.lower() for word in words]

    async def check_event_for_spam(self, event: EventBase) -> Union[Literal["NOT_SPAM"], Codes]:
        body = str(event.content.get("body", "")).lower()
        return Codes.FORBIDDEN if any(word in body for word in self._words) else NOT_SPAM
