"""Modules' web resources: a Site of Twisted's on a private Unix socket, which the host forwards requests to."""

import os
from typing import Any, Dict, Optional, Tuple

from twisted.internet import reactor as _reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

from modapi_bridge.calls import Running, current
from modapi_bridge.host import host
from synapse.http.server import UnrecognizedRequestResource
from synapse.http.site import SynapseRequest

reactor: Any = _reactor


class _Folder(UnrecognizedRequestResource):
    """A part of a path that nobody registered; only what lies below it is somebody's."""


class _Request(SynapseRequest):
    def process(self) -> None:
        """Runs for the entry that the path belongs to, and for the host's request if it says which."""
        entry, _ = resources.owner((self.path or b"").decode("ascii", "replace"))
        call = self.requestHeaders.getRawHeaders("x-modapi-call")
        token = current.set(Running(entry, call[0] if call else None))
        try:
            super().process()
        finally:
            current.reset(token)


class Resources:
    """All registered resources of the process, and the Site that serves them."""

    def __init__(self) -> None:
        self._registered: Dict[str, Tuple[str, Any]] = {}
        self._root: Resource = UnrecognizedRequestResource()
        self._site: Optional[Site] = None

    def register(self, entry: str, path: str, resource: Any) -> bool:
        """Whether the path is now this entry's: whoever registers it first keeps it. Errors: ValueError for what is no path."""
        if not path.startswith("/"):
            raise ValueError("the path of a web resource begins with /, and %r doesn't" % path)
        path = "/" + path.strip("/")
        if path in self._registered:
            return False
        self._registered[path] = (entry, resource)
        self._build()
        return True

    def forget(self, entry: str) -> None:
        """Removes all resources of an entry."""
        self._registered = {path: held for path, held in self._registered.items() if held[0] != entry}
        self._build()

    def owner(self, path: str) -> Tuple[Optional[str], Optional[str]]:
        """The entry that a request's path belongs to, and the path that it registered."""
        while path:
            held = self._registered.get(path)
            if held is not None:
                return held[0], path
            path = path.rpartition("/")[0]
        return None, None

    def _build(self) -> None:
        root: Resource = UnrecognizedRequestResource()
        # Shorter paths first: a longer one becomes a child of the resource that it lies below.
        for path, (_, resource) in sorted(self._registered.items(), key=lambda one: one[0].count("/")):
            parent = root
            *folders, last = path[1:].encode().split(b"/")
            for folder in folders:
                child = parent.children.get(folder)
                if child is None:
                    child = _Folder()
                    parent.putChild(folder, child)
                parent = child
            parent.putChild(last, resource)
        self._root = root
        if self._site is not None:
            self._site.resource = root
        elif self._registered:
            self._site = Site(root, requestFactory=_Request)
            self._site.displayTracebacks = False
            reactor.listenUNIX(os.path.join(host.directory, "web.sock"), self._site, mode=0o600, wantPID=False)


resources = Resources()


def write_response(request: Any, response: Dict[str, Any]) -> None:
    """Writes a response that the host made (status, headers, body) to a request of Twisted's, which is finished with it."""
    request.setResponseCode(int(response["status"]))
    for name, value in response.get("headers") or []:
        request.responseHeaders.addRawHeader(name.encode(), value.encode())
    body = response.get("body") or b""
    body = body.encode() if isinstance(body, str) else body
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(body)
    request.finish()


def head_of(request: Any) -> Dict[str, Any]:
    """What the host needs of a request to see whose it is."""
    return {
        "method": request.method.decode("ascii", "replace"),
        "uri": request.uri.decode("ascii", "replace"),
        "headers": [
            [name.decode("ascii", "replace"), value.decode("utf-8", "replace")]
            for name, held in request.requestHeaders.getAllRawHeaders()
            for value in held
            if not name.lower().startswith(b"x-modapi-")
        ],
        "client": getattr(request.getClientAddress(), "host", None),
    }
