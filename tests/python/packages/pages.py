"""Web resources of every kind."""

import json
import pathlib

from synapse.api.errors import RedirectException, SynapseError
from synapse.http import server
from synapse.http.server import respond_with_json, set_clickjacking_protection_headers
from synapse.http.servlet import parse_boolean, parse_integer, parse_string, parse_strings_from_args
from synapse.http.site import SynapseRequest
from synapse.module_api import (
    DirectServeHtmlResource,
    DirectServeJsonResource,
    ModuleApi,
    parse_json_object_from_request,
    respond_with_html,
    run_in_background,
)
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.static import File


class Json(DirectServeJsonResource):
    def __init__(self, api):
        super().__init__()
        self.api = api

    async def _async_render_GET(self, request: SynapseRequest):
        requester = await self.api.get_user_by_req(request, allow_expired=True)
        return 200, {"user": requester.user.to_string(), "name": parse_string(request, "name", default="none")}

    async def _async_render_POST(self, request):
        content = parse_json_object_from_request(request)
        if "wrong" in content:
            raise SynapseError(418, "wrong", "M_TEA", {"more": 1}, {"Retry-After": "1"})
        if "broken" in content:
            raise ValueError("secret")
        return 201, {"got": content, "ü": "ü"}

    async def _async_render_PUT(self, request):
        return 200, {
            "integer": parse_integer(request, "integer", required=True),
            "boolean": parse_boolean(request, "boolean"),
            "strings": parse_strings_from_args(request.args, "string", required=True),
        }


class Html(DirectServeHtmlResource):
    async def _async_render_GET(self, request):
        kind = parse_string(request, "kind", required=True)
        if kind == "redirect":
            error = RedirectException(b"https://example.com/next")
            error.cookies.append(b"name=value")
            raise error
        if kind == "error":
            raise SynapseError(400, "<b>bad</b>")
        if kind == "itself":
            respond_with_html(request, 202, "<p>by itself</p>")
            return None
        return 200, b"<p>page</p>"


class Plain(Resource):
    isLeaf = True

    def __init__(self, api):
        super().__init__()
        self.api = api

    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"application/json")
        request.addCookie(b"seen", b"yes")
        return json.dumps(
            {
                "args": {key.decode(): [value.decode() for value in values] for key, values in request.args.items()},
                "header": request.getHeader("X-Test"),
                "cookie": (request.getCookie(b"c") or b"").decode(),
                "uri": request.uri.decode(),
                "method": request.method.decode(),
                "client": request.getClientAddress().host,
                "agent": request.get_user_agent("none"),
                "postpath": [part.decode() for part in request.postpath],
            }
        ).encode()

    def render_POST(self, request):
        body = request.content.read()

        async def later():
            admin = await self.api.is_user_admin(body.decode())
            set_clickjacking_protection_headers(request)
            request.setResponseCode(203)
            request.write(b"admin " if admin else b"user ")
            request.write(body)
            request.finish()

        run_in_background(later)
        return NOT_DONE_YET

    def render_PUT(self, request):
        reactor.callLater(0, respond_with_json, request, 200, {"late": True}, True)
        return server.NOT_DONE_YET


class Pages:
    def __init__(self, config, api: ModuleApi):
        self.api = api
        tree = Resource()
        tree.putChild(b"files", File(str(pathlib.Path(config["files"]))))
        tree.putChild(b"html", Html())
        api.register_web_resource("/_synapse/client/pages", tree)
        api.register_web_resource("/_synapse/client/pages/json", Json(api))
        api.register_web_resource("/_synapse/client/plain/", Plain(api))
        if config.get("late"):
            api.register_account_data_callbacks(on_account_data_updated=self.late)

    async def late(self, *args):
        self.api.register_web_resource("/late", Resource())
