"""Web resources: Twisted's own with what answers later, and the two that the contract has."""

import json
from typing import Any, Tuple

from synapse import module_api
from synapse.api.errors import (
    AuthError,
    CodeMessageException,
    InvalidClientCredentialsError,
    InvalidClientTokenError,
    LimitExceededError,
    MissingClientTokenError,
    RedirectException,
)
from synapse.http import server
from synapse.http.server import respond_with_html, respond_with_json
from synapse.http.servlet import parse_string, parse_strings_from_args
from synapse.http.site import SynapseRequest
from synapse.logging.context import make_deferred_yieldable, run_in_background
from synapse.module_api import DirectServeHtmlResource, DirectServeJsonResource, JsonDict, parse_json_object_from_request
from twisted.internet import threads
from twisted.web.resource import Resource


class Later(Resource):
    """Answers from a thread's result."""

    isLeaf = True

    def __init__(self, api: module_api.ModuleApi):
        super().__init__()
        self.api = api

    def render_GET(self, request: SynapseRequest) -> int:
        run_in_background(self.answer, request)
        return server.NOT_DONE_YET

    async def answer(self, request: SynapseRequest) -> None:
        try:
            requester = await self.api.get_user_by_req(request)
        except (MissingClientTokenError, InvalidClientTokenError, InvalidClientCredentialsError) as error:
            respond_with_json(request, error.code, {"seen": type(error).__name__, "errcode": error.errcode}, send_cors=True)
            return
        text = await make_deferred_yieldable(threads.deferToThread(json.dumps, [requester.user.localpart]))
        respond_with_html(request, 200, "<p>" + text + "</p>")


class Json(DirectServeJsonResource):
    def __init__(self, api: module_api.ModuleApi):
        super().__init__()
        self.api = api

    async def _async_render_POST(self, request: SynapseRequest) -> Tuple[int, JsonDict]:
        body = parse_json_object_from_request(request)
        requester = await self.api.get_user_by_req(request)
        if body.get("often"):
            raise LimitExceededError(limiter_name="census", retry_after_ms=2000)
        if body.get("strange"):
            raise CodeMessageException(418, "a teapot")
        if not await self.api.is_user_admin(requester.user.to_string()):
            raise AuthError(403, "You are not a server admin")
        return 200, {"admin": requester.user.to_string(), "device": requester.device_id is not None}


class Html(DirectServeHtmlResource):
    async def _async_render_GET(self, request: SynapseRequest) -> Any:
        target = parse_string(request, "to")
        if target is not None:
            raise RedirectException(target.encode())
        names = parse_strings_from_args(request.args, "name", default=[])
        return 200, ("<p>" + ", ".join(names) + "</p>").encode()


class Pages:
    def __init__(self, config: dict, api: module_api.ModuleApi):
        api.register_web_resource("/_synapse/client/census/later", Later(api))
        api.register_web_resource("/_synapse/client/census/json", Json(api))
        api.register_web_resource("/_synapse/client/census/html", Html())
