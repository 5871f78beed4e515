"""Names of the contract's server that aren't offered here. They can be imported, and fail by name when they are used.

Published modules import what they only annotate with, or need for a feature that isn't in use. So every name below `synapse` that isn't
there can be imported all the same: `Placeholder` classes stand for it. Each package's imported placeholders are kept, for one line
at load; the first use of each is told to the host.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from abc import ABCMeta
from typing import Any, Callable, Dict, NoReturn, Optional, Sequence, Set

SERVER = "synapse"


class NotOffered(AttributeError):
    """Something of the contract's server that this host doesn't have, by its name."""

    def __init__(self, what: str) -> None:
        super().__init__("%s is not offered by this homeserver" % what)
        self.what = what


imported: Dict[str, Set[str]] = {}  # top-level package -> the names it imported that aren't there
used: Set[str] = set()
tell_host: Callable[[str], None] = lambda name: None  # replaced by the process: a name's first use


def _importer() -> str:
    """The top-level package whose code is importing right now."""
    frame = sys._getframe(1)
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in ("importlib", "_frozen_importlib", "modapi_bridge", SERVER, "typing", "inspect"):
            return package
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def note_import(name: str) -> None:
    """Remembers that the package that is importing right now has taken a placeholder."""
    imported.setdefault(_importer(), set()).add(name)


def names_imported_by(package: str) -> Sequence[str]:
    """The placeholders that a top-level package took; a module of a name that something of it was taken from is left out."""
    names = sorted(imported.get(package, ()))
    return [name for name in names if not any(other.startswith(name + ".") for other in names)]


def refuse(name: str) -> NoReturn:
    """Raises NotOffered, and tells the host once for each name."""
    if name not in used:
        used.add(name)
        tell_host(name)
    raise NotOffered(name)


class _PlaceholderType(ABCMeta):
    """Makes classes that can be annotated with, derived from and looked into, and can't be called or made."""

    def __getattr__(cls, name: str) -> Any:
        of = cls.__dict__.get("_placeholder_for")
        if of is None or name.startswith("_"):
            raise AttributeError("%s has no attribute %s" % (cls.__name__, name))
        return placeholder("%s.%s" % (of, name))

    def __setattr__(cls, name: str, value: Any) -> None:
        if "_placeholder_for" in cls.__dict__ and not name.startswith("_"):
            refuse("%s.%s" % (cls.__dict__["_placeholder_for"], name))
        super().__setattr__(name, value)

    def __getitem__(cls, _: Any) -> Any:
        return cls

    def __or__(cls, _: Any) -> Any:
        return Any

    def __ror__(cls, _: Any) -> Any:
        return Any

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        for base in cls.__mro__:
            if "_placeholder_for" in base.__dict__:
                refuse(base.__dict__["_placeholder_for"])
        return super().__call__(*arguments, **named)

    def __repr__(cls) -> str:
        return "<%s, not offered>" % cls.__dict__.get("_placeholder_for", cls.__name__)


_placeholders: Dict[str, Any] = {}


def placeholder(name: str) -> Any:
    """The class that stands for a name. What is called an error or exception can stand in an `except`."""
    if name not in _placeholders:
        last = name.rpartition(".")[2]
        bases = (Exception,) if last.endswith(("Error", "Exception")) else ()
        made = _PlaceholderType(last, bases, {"_placeholder_for": name, "__module__": name.rpartition(".")[0]})
        _placeholders[name] = made
    return _placeholders[name]


def names_of(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module of the stand-in: its folders and files by import, all other names as placeholders."""

    def get_attribute(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError("module %s has no attribute %s" % (module, name))
        full = "%s.%s" % (module, name)
        holder = sys.modules[module]
        path = getattr(holder, "__path__", None)
        if path is not None and importlib.machinery.PathFinder.find_spec(full, path) is not None:
            return importlib.import_module(full)
        note_import(full)
        return placeholder(full)

    return get_attribute


class _PlaceholderModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError("module %s has no attribute %s" % (self.__name__, name))
        full = "%s.%s" % (self.__name__, name)
        if full in sys.modules:
            return sys.modules[full]
        note_import(full)
        return placeholder(full)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module below `synapse` that nobody else found."""

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if not name.startswith(SERVER + "."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _PlaceholderModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        note_import(module.__name__)


def install() -> None:
    """Makes every import below `synapse` succeed from here on."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
