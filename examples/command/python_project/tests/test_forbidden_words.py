"""Tests of the module, without a server."""

import asyncio

import pytest
from forbidden_words import ForbiddenWords
from synapse.api.room_versions import RoomVersions
from synapse.events import make_event_from_dict
from synapse.module_api import NOT_SPAM
from synapse.module_api.errors import Codes, ConfigError


class Registrations:
    """Stands for the ModuleApi: keeps what the module registers."""

    def register_spam_checker_callbacks(self, **callbacks):
        self.spam_checker = callbacks


def verdict_on(body):
    api = Registrations()
    ForbiddenWords(ForbiddenWords.parse_config({"words": ["Spam", "buy now"]}), api)
    message = {"type": "m.room.message", "room_id": "!hall:hs", "sender": "@alice:hs", "content": {"body": body}}
    return asyncio.run(api.spam_checker["check_event_for_spam"](make_event_from_dict(message, RoomVersions.V10)))


def test_refuses_messages_with_a_forbidden_word_whatever_its_case():
    assert verdict_on("hello") == NOT_SPAM
    assert verdict_on("lovely SPAM!") == Codes.FORBIDDEN
    assert verdict_on("you can Buy Now") == Codes.FORBIDDEN


@pytest.mark.parametrize("config", [{}, {"words": [""]}, {"words": "spam"}])
def test_refuses_a_configuration_without_words(config):
    with pytest.raises(ConfigError):
        ForbiddenWords.parse_config(config)
