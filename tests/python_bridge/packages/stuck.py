"""Pages that don't end, and one that does."""

from typing import Any, Dict

from synapse.http.server import cancellable
from synapse.module_api import DirectServeJsonResource, ModuleApi
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

BASE = "/_synapse/client/stuck"


class Never(DirectServeJsonResource):
    """Without an answer, and cut with its client if it is a GET."""

    def __init__(self) -> None:
        super().__init__()
        self.running = 0

    @cancellable
    async def _async_render_GET(self, request: Any) -> Any:
        await self._never()

    async def _async_render_POST(self, request: Any) -> Any:
        await self._never()

    async def _never(self) -> None:
        self.running += 1
        try:
            await Deferred()
        finally:
            self.running -= 1


class Running(DirectServeJsonResource):
    def __init__(self, never: Never) -> None:
        super().__init__()
        self._never = never

    async def _async_render_GET(self, request: Any) -> Any:
        return 200, {"running": self._never.running}


class Endless(Resource):
    """A page that goes on and on."""

    isLeaf = True

    def render_GET(self, request: Any) -> int:
        request.registerProducer(Lines(request), False)
        return NOT_DONE_YET


class Lines:
    def __init__(self, request: Any) -> None:
        self._request = request

    def resumeProducing(self) -> None:
        self._request.write(b"x" * 65536)

    def stopProducing(self) -> None:
        pass


class Stuck:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        never = Never()
        api.register_web_resource(BASE + "/never", never)
        api.register_web_resource(BASE + "/running", Running(never))
        api.register_web_resource(BASE + "/endless", Endless())
