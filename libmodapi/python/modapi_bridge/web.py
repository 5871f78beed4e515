"""Modules' web resources: a Site of Twisted's on a private Unix socket, which the host forwards requests to."""

import os
from typing import Any, Dict, Optional

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


def _one(request: Any, header: str) -> Optional[str]:
    """What the host says in a header of its own."""
    values = request.requestHeaders.getRawHeaders(header)
    return values[0] if values else None


class _Request(SynapseRequest):
    def process(self) -> None:
        """Runs for the entry that the host names, and for the host's request if it says which."""
        path = (self.path or b"").decode("ascii", "replace")
        entry = _one(self, "x-modapi-entry") or resources.owner(path)
        token = current.set(Running(entry, _one(self, "x-modapi-call")))
        try:
            super().process()
        finally:
            current.reset(token)


class _Root(Resource):
    """Leads to what the entry of a request has registered."""

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:
        """Of Twisted's."""
        running = current.get()
        return resources.tree_of(running.entry if running is not None else None).getChildWithDefault(path, request)


class Resources:
    """All registered resources of the process, and the Site that serves them.

    Several entries may have one path: one that takes another's place is there before that ends. Which of them a request is for is
    the host's to say.
    """

    def __init__(self) -> None:
        self._registered: Dict[str, Dict[str, Any]] = {}  # by entry and path
        self._trees: Dict[str, Resource] = {}
        self._site: Optional[Site] = None

    def register(self, entry: str, path: str, resource: Any) -> bool:
        """Whether the path is now this resource's: the first one of an entry keeps it. Errors: ValueError for what is no path."""
        if not path.startswith("/"):
            raise ValueError("the path of a web resource begins with /, and %r doesn't" % path)
        path = "/" + path.strip("/")
        of_entry = self._registered.setdefault(entry, {})
        if path in of_entry:
            return False
        of_entry[path] = resource
        self._trees[entry] = _tree(of_entry)
        self._serve()
        return True

    def forget(self, entry: str) -> None:
        """Removes all resources of an entry."""
        self._registered.pop(entry, None)
        self._trees.pop(entry, None)

    def owner(self, path: str) -> Optional[str]:
        """The first entry that has registered this path, or the next one above."""
        while path:
            for entry, of_entry in self._registered.items():
                if path in of_entry:
                    return entry
            path = path.rpartition("/")[0]
        return None

    def tree_of(self, entry: Optional[str]) -> Resource:
        """What an entry has registered; nothing for one that isn't there."""
        return self._trees.get(entry or "") or UnrecognizedRequestResource()

    def _serve(self) -> None:
        if self._site is not None:
            return
        self._site = Site(_Root(), requestFactory=_Request)
        self._site.displayTracebacks = False
        reactor.listenUNIX(os.path.join(host.directory, "web.sock"), self._site, mode=0o600, wantPID=False)


def _tree(registered: Dict[str, Any]) -> Resource:
    root: Resource = UnrecognizedRequestResource()
    # Shorter paths first: a longer one becomes a child of the resource that it lies below.
    for path, resource in sorted(registered.items(), key=lambda one: one[0].count("/")):
        parent = root
        *folders, last = path[1:].encode().split(b"/")
        for folder in folders:
            child = parent.children.get(folder)
            if child is None:
                child = _Folder()
                parent.putChild(folder, child)
            parent = child
        parent.putChild(last, resource)
    return root


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
