"""Cached functions."""

from synapse.module_api import ModuleApi, cached
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks


class Keeping:
    def __init__(self, config, api: ModuleApi):
        self.api = api
        self.runs = []
        api.register_cached_function(self.one)
        api.register_cached_function(self.two)
        api.register_account_data_callbacks(on_account_data_updated=self.evaluate)

    async def evaluate(self, expression, *_):
        import ast
        import inspect

        code = compile(expression, "<expression>", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        names = {"self": self, "api": self.api, "gather": gatherResults}
        result = eval(code, names)
        return await result if code.co_flags & inspect.CO_COROUTINE else result

    @cached()
    async def one(self, user_id):
        self.runs.append(user_id)
        return await self.api.is_user_admin(user_id)

    @cached(max_entries=2, num_args=2)
    async def two(self, first, second="default", third=None):
        self.runs.append([first, second, third])
        return [first, second]

    @cached(uncached_args=["extra"])
    def plain(self, key, extra):
        self.runs.append(extra)
        return extra

    @cached()
    @inlineCallbacks
    def yielding(self, key):
        self.runs.append(key)
        result = yield self.waiting
        return result

    @cached()
    async def failing(self, key):
        self.runs.append(key)
        raise KeyError(key)

    def wait(self):
        self.waiting = Deferred()
        return self.waiting
