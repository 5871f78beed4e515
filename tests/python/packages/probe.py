"""Registers callbacks whose answers are Python expressions of the configuration: tests say what is to be tried in one line.

config: {NAME: EXPRESSION}; `api` and `args` are there, and what modules import. An expression with `await` is one of a coroutine.
"""

import ast
import inspect

import synapse
from synapse.api.constants import *  # noqa: F401,F403
from synapse.api.errors import *  # noqa: F401,F403
from synapse.events import *  # noqa: F401,F403
from synapse.module_api import *  # noqa: F401,F403
from synapse.module_api import (  # noqa: F401
    MediaUploadLimit,
    ModuleApi,
    RatelimitOverride,
    RegistrationBehaviour,
    RoomID,
    UserPresenceState,
    create_requester,
    errors,
)
from twisted.internet import defer, reactor, threads  # noqa: F401

_CATEGORIES = {
    "spam_checker": "register_spam_checker_callbacks",
    "account_data": "register_account_data_callbacks",
    "account_validity": "register_account_validity_callbacks",
    "third_party_rules": "register_third_party_rules_callbacks",
    "presence_router": "register_presence_router_callbacks",
    "password_auth_provider": "register_password_auth_provider_callbacks",
    "media_repository": "register_media_repository_callbacks",
    "ratelimit": "register_ratelimit_callbacks",
}


class Probe:
    def __init__(self, config, api: ModuleApi):
        self.api = api
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(add_field_to_unsigned_callback=self.evaluate)
        for category, callbacks in config.items():
            made = {name: self.callback(expression) for name, expression in callbacks.items()}
            getattr(api, _CATEGORIES[category])(**made)

    async def evaluate(self, event):
        """Evaluates the expression in an event's body: for what needs no callback of a kind of its own."""
        return await self.answer(event.content["body"], event)

    def callback(self, expression):
        async def callback(*args):
            return await self.answer(expression, *args)

        return callback

    async def answer(self, expression, *args):
        names = {**globals(), "api": self.api, "args": args, "event": args[0] if args else None, "self": self}
        code = compile(expression, "<expression>", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            result = await result
        return result
