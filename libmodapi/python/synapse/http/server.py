"""Web resources with coroutines, and writing their answers."""

import html
import inspect
import json
import logging
from typing import Any, Dict, Optional, Tuple

from twisted.internet.defer import CancelledError, ensureDeferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from modapi_bridge.not_offered import names_of
from synapse.api.errors import CodeMessageException, Codes, RedirectException, SynapseError, UnrecognizedRequestError, cs_error
from synapse.util import json_encoder
from synapse.util.cancellation import cancellable  # noqa: F401

logger = logging.getLogger(__name__)

HTML_ERROR_TEMPLATE = """<!DOCTYPE html>
<html lang=en>
<head><meta charset="utf-8"><title>Error {code}</title></head>
<body><p>{msg}</p></body>
</html>
"""


def encode_canonical_json(value: Any) -> bytes:
    """JSON with sorted keys, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()


def set_cors_headers(request: Any) -> None:
    """Lets pages of any origin read the answer."""
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    request.setHeader(b"Access-Control-Allow-Methods", b"GET, HEAD, POST, PUT, DELETE, OPTIONS")
    request.setHeader(b"Access-Control-Allow-Headers", b"X-Requested-With, Content-Type, Authorization, Date")


def set_clickjacking_protection_headers(request: Any) -> None:
    """Keeps the page from being shown within another."""
    request.setHeader(b"X-Frame-Options", b"DENY")
    request.setHeader(b"Content-Security-Policy", b"frame-ancestors 'none';")


def finish_request(request: Any) -> None:
    """Ends an answer; a client that is gone is no error."""
    try:
        request.finish()
    except RuntimeError as error:
        logger.info("Connection disconnected before response was written: %r", error)


def _respond(request: Any, code: int, content_type: bytes, body: bytes) -> int:
    if getattr(request, "_disconnected", False):
        logger.warning("Not sending response to request %s, already disconnected.", request)
        return NOT_DONE_YET
    request.setResponseCode(code)
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    if request.method != b"HEAD":
        request.write(body)
    finish_request(request)
    return NOT_DONE_YET


def respond_with_json(
    request: Any, code: int, json_object: Any, send_cors: bool = False, canonical_json: bool = True
) -> Optional[int]:
    """Answers with JSON."""
    body = encode_canonical_json(json_object) if canonical_json else json_encoder.encode(json_object).encode()
    return respond_with_json_bytes(request, code, body, send_cors)


def respond_with_json_bytes(request: Any, code: int, json_bytes: bytes, send_cors: bool = False) -> Optional[int]:
    """Answers with JSON that is written already."""
    request.setHeader(b"Cache-Control", b"no-cache, no-store, must-revalidate")
    if send_cors:
        set_cors_headers(request)
    return _respond(request, code, b"application/json", json_bytes)


def respond_with_html(request: Any, code: int, html: str) -> None:
    """Answers with a page."""
    respond_with_html_bytes(request, code, html.encode())


def respond_with_html_bytes(request: Any, code: int, html_bytes: bytes) -> None:
    """Answers with a page that is bytes already."""
    set_clickjacking_protection_headers(request)
    _respond(request, code, b"text/html; charset=utf-8", html_bytes)


def respond_with_redirect(request: Any, url: bytes, statusCode: int = 302, cors: bool = False) -> None:
    """Sends the client elsewhere."""
    if cors:
        set_cors_headers(request)
    request.setResponseCode(statusCode)
    request.setHeader(b"location", url)
    finish_request(request)


def _status_and_body(error: BaseException) -> Tuple[int, Dict[str, Any], Dict[str, str]]:
    if isinstance(error, SynapseError):
        return error.code, error.error_dict(None), dict(error.headers or {})
    logger.error("Failed handle request", exc_info=(type(error), error, error.__traceback__))
    return 500, cs_error("Internal server error", Codes.UNKNOWN), {}


def _may_answer(request: Any) -> bool:
    """Whether nothing is written yet; otherwise the connection is cut."""
    if not request.startedWriting:
        return True
    if request.channel is not None and request.channel.transport is not None:
        request.channel.forceAbortClient() if hasattr(
            request.channel, "forceAbortClient"
        ) else request.transport.abortConnection()
    return False


def return_json_error(failure: Any, request: Any, config: Any = None) -> None:
    """Answers with an error's body."""
    status, body, headers = _status_and_body(getattr(failure, "value", failure))
    if _may_answer(request):
        for name, value in headers.items():
            request.setHeader(name, value)
        respond_with_json(request, status, body, send_cors=True)


def return_html_error(failure: Any, request: Any, error_template: Any = HTML_ERROR_TEMPLATE) -> None:
    """Answers with a page that tells of an error, or leads on for a RedirectException."""
    error = getattr(failure, "value", failure)
    if not _may_answer(request):
        return
    if isinstance(error, RedirectException):
        for cookie in error.cookies:
            request.cookies.append(cookie)
        respond_with_redirect(request, error.location, error.code)
        return
    if isinstance(error, CodeMessageException) and not isinstance(error, SynapseError):
        status, text = error.code, error.msg
    else:
        status, body, headers = _status_and_body(error)
        text = body["error"]
        for name, value in headers.items():
            request.setHeader(name, value)
    if isinstance(error_template, str):
        page = error_template.format(code=status, msg=html.escape(text))
    else:
        page = error_template.render(code=status, msg=text)
    respond_with_html(request, status, page)


class _AsyncResource(Resource):
    """Calls `_async_render_METHOD`, a coroutine function or a plain one, and sends what it gives."""

    def __init__(self, extract_context: bool = False, clock: Any = None) -> None:
        super().__init__()
        self._extract_context = extract_context

    def render(self, request: Any) -> int:
        """Of Twisted's interface."""
        rendering = ensureDeferred(self._render(request))
        if getattr(self._handler_of(request), "cancellable", False):
            request.notifyFinish().addErrback(lambda _: rendering.cancel())  # its client is gone
        return NOT_DONE_YET

    async def _render(self, request: Any) -> None:
        try:
            result = self._async_render(request)
            if inspect.isawaitable(result):
                result = await result
            if result is not None:
                code, response = result
                self._send_response(request, code, response)
        except Exception as error:
            if isinstance(error, CancelledError) and getattr(request, "_disconnected", False):
                return
            self._send_error_response(error, request)

    def _handler_of(self, request: Any) -> Any:
        method = request.method.decode("ascii", "replace")
        render = getattr(self, "_async_render_%s" % method, None)
        if render is None and method == "HEAD":
            render = getattr(self, "_async_render_GET", None)
        return render

    def _async_render(self, request: Any) -> Any:
        render = self._handler_of(request)
        if render is None:
            if request.method == b"OPTIONS":
                return 204, {}
            raise UnrecognizedRequestError(code=405)
        return render(request)

    def _send_response(self, request: Any, code: int, response_object: Any) -> None:
        raise NotImplementedError()

    def _send_error_response(self, f: Any, request: Any) -> None:
        raise NotImplementedError()

    def getChild(self, path: Any, request: Any) -> Resource:
        """What nobody put below this is not there."""
        return UnrecognizedRequestResource()


class DirectServeJsonResource(_AsyncResource):
    """A resource whose handlers give (status, JSON)."""

    def __init__(self, canonical_json: bool = False, extract_context: bool = False, clock: Any = None) -> None:
        super().__init__(extract_context, clock)
        self.canonical_json = canonical_json

    def _send_response(self, request: Any, code: int, response_object: Any) -> None:
        if code == 204:
            set_cors_headers(request)
            request.setResponseCode(204)
            finish_request(request)
            return
        respond_with_json(request, code, response_object, send_cors=True, canonical_json=self.canonical_json)

    def _send_error_response(self, f: Any, request: Any) -> None:
        return_json_error(f, request)


class DirectServeHtmlResource(_AsyncResource):
    """A resource whose handlers give (status, page as bytes)."""

    ERROR_TEMPLATE: Any = HTML_ERROR_TEMPLATE

    def _send_response(self, request: Any, code: int, response_object: Any) -> None:
        if code == 204:
            request.setResponseCode(204)
            finish_request(request)
            return
        page = response_object.encode() if isinstance(response_object, str) else bytes(response_object)
        respond_with_html_bytes(request, code, page)

    def _send_error_response(self, f: Any, request: Any) -> None:
        return_html_error(f, request, self.ERROR_TEMPLATE)


class UnrecognizedRequestResource(Resource):
    """404 M_UNRECOGNIZED, here and below."""

    def getChild(self, path: Any, request: Any) -> Resource:
        """Itself."""
        return self

    def render(self, request: Any) -> int:
        """Of Twisted's interface."""
        return_json_error(UnrecognizedRequestError(), request)
        return NOT_DONE_YET


class RootRedirect(Resource):
    """Leads to another path."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.url = path

    def render_GET(self, request: Any) -> bytes:
        """Of Twisted's interface."""
        respond_with_redirect(request, self.url.encode())
        return NOT_DONE_YET  # type: ignore[return-value]


class OptionsResource(Resource):
    """Answers OPTIONS with 204, here and below."""

    def render_OPTIONS(self, request: Any) -> bytes:
        """Of Twisted's interface."""
        request.setResponseCode(204)
        request.setHeader(b"Content-Length", b"0")
        set_cors_headers(request)
        return b""


__getattr__ = names_of(__name__)
