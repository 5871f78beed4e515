"""Where the code of a module is, found without running any of it."""

import hashlib
import importlib
import os
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Dict, Iterator, List, Optional

from modapi_bridge.entries import Missing


def locate(module: str) -> Dict[str, Any]:
    """`file` and `folder` of `package.Class`, and a fingerprint of the files of its outermost package. Errors: Missing."""
    package, dot, _ = module.rpartition(".")
    if not dot:
        raise Missing("%s is no PACKAGE.CLASS" % module)
    importlib.invalidate_caches()  # a package may have come since
    outermost: Optional[ModuleSpec] = None
    spec: Optional[ModuleSpec] = None
    folders: Optional[List[str]] = None
    name = ""
    for part in package.split("."):
        name = "%s.%s" % (name, part) if name else part
        spec = PathFinder.find_spec(name, folders)
        if spec is None:
            raise Missing("there is no Python package %s" % name)
        outermost = outermost or spec
        folders = list(spec.submodule_search_locations or ())
    assert spec is not None and outermost is not None
    file = spec.origin if spec.has_location else None
    folder = os.path.dirname(file) if file else next(iter(folders or ()), "")
    return {"file": file or folder, "folder": folder, "fingerprint": _fingerprint(outermost)}


def _fingerprint(spec: ModuleSpec) -> str:
    """Another one as soon as a file of the package was written, added or taken away."""
    seen = hashlib.sha256()
    for file in sorted(_files(spec)):
        try:
            status = os.stat(file)
        except OSError:
            continue
        seen.update(("%s %d %d\n" % (file, status.st_mtime_ns, status.st_size)).encode("utf-8", "surrogateescape"))
    return seen.hexdigest()


def _files(spec: ModuleSpec) -> Iterator[str]:
    if spec.submodule_search_locations is None:
        if spec.has_location and spec.origin:
            yield spec.origin
        return
    for location in spec.submodule_search_locations:
        for folder, _, names in os.walk(location):
            yield from (os.path.join(folder, name) for name in names if name.endswith((".py", ".so")))
