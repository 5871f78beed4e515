"""Asks a neighbour, for whoever asks it."""

from typing import Any, Dict

from synapse.module_api import DirectServeJsonResource, ModuleApi


class Call(DirectServeJsonResource):
    def __init__(self, api: ModuleApi) -> None:
        super().__init__()
        self._api = api

    async def _async_render_GET(self, request: Any) -> Any:
        try:
            answer = await self._api.http_client.get_json(request.args[b"url"][0].decode())
        except Exception as error:
            return 200, {"failed": "%s: %s" % (type(error).__name__, error)}
        return 200, {"answer": answer}


class Calling:
    def __init__(self, config: Dict[str, Any], api: ModuleApi) -> None:
        api.register_web_resource("/_synapse/client/calling/" + config["name"], Call(api))
