"""The HTTP client: the homeserver asks, with its own limits and rules about which addresses may be reached."""

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from modapi_bridge.not_offered import names_of
from synapse.api.errors import Codes, SynapseError


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def _arguments(args: Any) -> Optional[Dict[str, Any]]:
    if args is None:
        return None
    return {
        _text(key): [_text(one) for one in value] if isinstance(value, (list, tuple)) else _text(value)
        for key, value in args.items()
    }


def _headers(headers: Any) -> Optional[List[List[str]]]:
    """Pairs; the values of a mapping are lists, and a single text is taken for a list of it."""
    if headers is None:
        return None
    if isinstance(headers, Headers):
        pairs: Any = headers.getAllRawHeaders()
    else:
        pairs = headers.items()
    return [[_text(name), _text(one)] for name, held in pairs for one in (held if isinstance(held, (list, tuple)) else [held])]


class Response:
    """An answer as Twisted's client gives it; `twisted.web.client.readBody` reads it."""

    def __init__(self, status: int, phrase: str, headers: List[List[str]], body: bytes) -> None:
        self.version = (b"HTTP", 1, 1)
        self.code = status
        self.phrase = phrase.encode()
        self.headers = Headers()
        for name, value in headers:
            self.headers.addRawHeader(name, value)
        self.length = len(body)
        self.request: Any = None
        self.previousResponse: Any = None
        self._body = body

    def deliverBody(self, protocol: Any) -> None:
        """Hands the body to a protocol of Twisted's."""
        from twisted.web.client import ResponseDone  # 30 ms of the start, for what few modules do

        protocol.makeConnection(_NoTransport())
        if self._body:
            protocol.dataReceived(self._body)
        protocol.connectionLost(Failure(ResponseDone()))

    def setPreviousResponse(self, response: Any) -> None:
        """Of Twisted's interface."""
        self.previousResponse = response


class _NoTransport:
    """What a body is read from once it is all there."""

    disconnecting = False

    def abortConnection(self) -> None:
        """Nothing is left to be ended."""

    def loseConnection(self) -> None:
        """Nothing is left to be ended."""

    def getPeer(self) -> Any:
        """Nobody."""
        return None


class SimpleHttpClient:
    """Seven forms of asking. Errors of all: HttpResponseException, RequestTimedOutError, and ValueError for what is no JSON."""

    def __init__(self, hs: Any = None, *_: Any, **__: Any) -> None:
        self._hs = hs
        self.user_agent = b"modapi"

    def _ask(self, form: str, **arguments: Any) -> "Deferred[Any]":
        ask: Callable[..., "Deferred[Any]"] = self._hs.ask_host
        for name in ("method", "uri", "url"):
            if name in arguments:
                arguments[name] = _text(arguments[name])
        return ask("http_client." + form, **arguments)

    async def get_json(self, uri: str, args: Any = None, headers: Any = None) -> Any:
        """GET; the answer's JSON."""
        return await self._ask("get_json", uri=uri, args=_arguments(args), headers=_headers(headers))

    async def post_json_get_json(self, uri: str, post_json: Any, headers: Any = None) -> Any:
        """POST of JSON; the answer's JSON."""
        return await self._ask("post_json_get_json", uri=uri, post_json=post_json, headers=_headers(headers))

    async def post_urlencoded_get_json(self, uri: str, args: Optional[Mapping[str, Any]] = None, headers: Any = None) -> Any:
        """POST of a form; the answer's JSON."""
        return await self._ask("post_urlencoded_get_json", uri=uri, args=_arguments(args), headers=_headers(headers))

    async def put_json(self, uri: str, json_body: Any, args: Any = None, headers: Any = None) -> Any:
        """PUT of JSON; the answer's JSON."""
        return await self._ask("put_json", uri=uri, json_body=json_body, args=_arguments(args), headers=_headers(headers))

    async def get_raw(self, uri: str, args: Any = None, headers: Any = None) -> bytes:
        """GET; the answer's bytes."""
        return await self._ask("get_raw", uri=uri, args=_arguments(args), headers=_headers(headers))  # type: ignore[no-any-return]

    async def get_file(
        self,
        url: str,
        output_stream: Any,
        max_size: Optional[int] = None,
        headers: Any = None,
        is_allowed_content_type: Optional[Callable[[str], bool]] = None,
    ) -> Tuple[int, Dict[bytes, List[bytes]], str, int]:
        """GET into a stream; length, headers, final address, status. What is larger than the limit is a 502."""
        answer = await self._ask("get_file", url=url, max_size=max_size, headers=_headers(headers))
        found = Headers()
        for name, value in answer["headers"]:
            found.addRawHeader(name, value)
        kinds = found.getRawHeaders("content-type")
        if kinds and is_allowed_content_type is not None and not is_allowed_content_type(kinds[0]):
            raise SynapseError(
                502, "Requested file's content type not allowed for this operation: %s" % kinds[0], Codes.UNKNOWN
            )
        output_stream.write(answer["body"])
        received = {name: list(values) for name, values in found.getAllRawHeaders()}
        return len(answer["body"]), received, answer["url"], answer["status"]

    async def request(self, method: str, uri: str, data: Optional[bytes] = None, headers: Any = None) -> Response:
        """Any method; the answer, whatever its status."""
        answer = await self._ask("request", method=method, uri=uri, data=data, headers=_headers(headers))
        return Response(answer["status"], answer.get("phrase", ""), answer["headers"], answer["body"])


__getattr__ = names_of(__name__)
