"""The entries of `modules:` that live in this process: what each registered, from its class to its callbacks."""

import importlib
import inspect
import logging
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from modapi_bridge import handles, not_offered, older_interface
from modapi_bridge.debian_packages import package_with
from modapi_bridge.host import host
from modapi_bridge.web import resources

logger = logging.getLogger(__name__)


class Missing(Exception):
    """A package, class or import that isn't there."""


class Entry:
    """One entry: its class, its parsed configuration, the object, and what that registered."""

    def __init__(self, name: str, module: str, interface: Optional[str]) -> None:
        self.name = name
        self.module = module
        self.interface = interface
        self.made_of: Any = None
        self.config: Any = None
        self.module_object: Any = None
        self.constructing = False
        self.callbacks: List[Dict[str, Any]] = []
        self.web: List[str] = []
        self.cached: List[Dict[str, Any]] = []
        self.cached_functions: Dict[str, Any] = {}
        self.ignored: List[str] = []
        self.background: List[Any] = []  # with stop() or cancel()

    def parse(self, config: Any) -> None:
        """Imports the class and has it parse its configuration. Errors: Missing, and whatever the module raises."""
        self.made_of = self._class()
        parse_config = getattr(self.made_of, "parse_config", None)
        self.config = parse_config(config) if callable(parse_config) else config

    def _class(self) -> Any:
        package, dot, name = self.module.rpartition(".")
        if not dot:
            raise Missing("%s is no PACKAGE.CLASS" % self.module)
        try:
            imported = importlib.import_module(package)
        except ModuleNotFoundError as error:
            missing = error.name or package
            if package == missing or package.startswith(missing + "."):
                raise Missing("there is no Python package %s in %s" % (missing, _where())) from None
            debian = package_with(missing)
            raise Missing(
                "%s imports %s, which isn't there%s" % (package, missing, "; Debian has it as %s" % debian if debian else "")
            ) from None
        except SyntaxError as error:
            raise Missing("%s:%s: %s" % (error.filename, error.lineno, error.msg)) from None
        try:
            return getattr(imported, name)
        except AttributeError:
            raise Missing("the Python package %s has no class %s" % (package, name)) from None

    def construct(self, api: Any) -> None:
        """Builds the module. Errors: whatever it raises; nothing of it stays registered then."""
        self.constructing = True
        try:
            if self.interface == "password_provider" or older_interface.is_password_provider(self.made_of):
                self.module_object = self.made_of(config=self.config, account_handler=api)
                older_interface.register(self.module_object, api)
            else:
                self.module_object = self.made_of(self.config, api)
                if not self.callbacks and not self.web and older_interface.offers_something(self.module_object):
                    older_interface.register(self.module_object, api)
        except BaseException:
            self.forget()
            raise
        finally:
            self.constructing = False

    def register(self, category: str, callbacks: Dict[str, Any]) -> None:
        """Keeps callables under their names; names that the host doesn't call are noted as ignored."""
        for name, function in callbacks.items():
            if function is None:
                continue
            declared = host.callbacks.get("%s.%s" % (category, name))
            if declared is None:
                self.ignored.append(name)
            elif name == "auth_checkers":
                self._register_checkers(category, function)
            else:
                self._keep(category, name, None, function, declared)

    def _register_checkers(self, category: str, checkers: Any) -> None:
        for (login_type, fields), function in dict(checkers).items():
            if not isinstance(login_type, str) or not all(isinstance(field, str) for field in fields):
                raise RuntimeError(
                    "A module tried to register support for login type: %s with parameters %s but all parameter names must be strings"
                    % (login_type, fields)
                )
            declared = host.callbacks[category + ".auth_checkers"]
            self._keep(category, "auth_checkers", [login_type, list(fields)], function, declared)

    def _keep(self, category: str, name: str, key: Any, function: Any, declared: Dict[str, Any]) -> None:
        if not callable(function):
            raise TypeError("%s: %s can't be called" % (name, type(function).__name__))
        given = int(declared.get("arguments", 0))
        least, most = _parameters(function)
        if least > given:
            raise TypeError("%s takes at least %d arguments, and is called with %d" % (name, least, given))
        taken = min(given, most)
        if taken < int(declared.get("least", given)):
            raise TypeError("%s takes %d arguments, and is called with %d" % (name, taken, declared.get("least", given)))
        handle = handles.keep(function if taken == given else _with_fewer(function, taken))
        self.callbacks.append({"category": category, "name": name, "key": key, "handle": handle, "parameters": taken})

    def register_web_resource(self, path: str, resource: Any) -> None:
        """Serves a resource. Errors: RuntimeError after construction."""
        if not self.constructing:
            raise RuntimeError("Tried to register a web resource from a module after startup")
        if resources.register(self.name, path, resource):
            self.web.append("/" + path.strip("/"))  # as it is served
        else:
            logger.warning("%s: the path %s is another resource's already", self.module, path)

    def register_cached_function(self, function: Any) -> None:
        """Remembers a cached function by the name that invalidations bear. Errors: ValueError for what isn't cached."""
        name = getattr(function, "name_for_invalidation", None)
        if name is None:
            raise ValueError("%r isn't decorated with cached()" % (function,))
        if name not in self.cached_functions:
            self.cached.append({"name": name, "parts": function.number_of_key_parts})
        self.cached_functions[name] = function

    def described(self) -> Dict[str, Any]:
        """What the host is told after construction."""
        package = self.module.partition(".")[0]
        return {
            "callbacks": self.callbacks,
            "web": self.web,
            "cached": self.cached,
            "placeholders": list(not_offered.names_imported_by(package)),
            "ignored": self.ignored,
        }

    def forget(self) -> None:
        """Ends what the entry does by itself and forgets what it registered."""
        for one in self.background:
            _stop(one)
        for callback in self.callbacks:
            handles.release(callback["handle"])
        resources.forget(self.name)
        self.background, self.callbacks, self.web, self.cached = [], [], [], []
        self.cached_functions, self.ignored, self.module_object = {}, [], None


def _where() -> str:
    """The folders that packages come from, for a person to look at."""
    return ", ".join(folder for folder in sys.path if not folder.endswith(".zip") and os.path.basename(folder) != "lib-dynload")


def _parameters(function: Callable[..., Any]) -> Tuple[int, int]:
    """How many arguments a function needs, and how many it takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0, 1 << 30
    least = most = 0
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = 1 << 30
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            least += parameter.default is parameter.empty
    return least, most


def _with_fewer(function: Callable[..., Any], taken: int) -> Callable[..., Any]:
    return lambda *arguments: function(*arguments[:taken])


def _stop(one: Any) -> None:
    if getattr(one, "running", False):
        one.stop()
    elif callable(getattr(one, "active", None)) and one.active():
        one.cancel()
