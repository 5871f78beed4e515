"""From a name in a configuration to a module that is built."""

import sys

import pytest
from bridge_host import Host, Refused


def refused_load(host, module, config=None):
    with pytest.raises(Refused) as refused:
        host.load(module, config)
    return refused.value.error


EMPTY = "class Module:\n    def __init__(self, config, api):\n        self.config = config\n"


class TestWhatIsMissing:
    def test_a_package(self, shared):
        error = refused_load(shared, "no_such_package.Module")
        assert error["kind"] == "missing" and error["text"].startswith("there is no Python package no_such_package in /")
        assert "packages" in error["text"]  # where it was looked for

    def test_a_module_in_a_package_that_is_there(self, shared):
        assert "there is no Python package always.sub" in refused_load(shared, "always.sub.Module")["text"]

    def test_a_class(self, shared):
        assert refused_load(shared, "always.Never") == {
            "kind": "missing",
            "text": "the Python package always has no class Never",
        }

    def test_a_name_without_a_dot(self, shared):
        assert refused_load(shared, "always")["text"] == "always is no PACKAGE.CLASS"

    def test_an_import_with_the_package_that_debian_has_it_in(self, package):
        host = package("importing", "import ahocorasick_of_tomorrow\n" + EMPTY)
        error = refused_load(host, "importing.Module")
        assert error == {"kind": "missing", "text": "importing imports ahocorasick_of_tomorrow, which isn't there"}

    def test_what_debian_calls_it(self, package):
        host = package("importing", "import sys\nsys.modules['ldap3'] = None\nimport ldap3\n" + EMPTY)
        error = refused_load(host, "importing.Module")
        assert error["text"] == "importing imports ldap3, which isn't there; Debian has it as python3-ldap3"

    def test_a_closing_bracket(self, package):
        host = package("broken", "\n\ndef f(:\n")
        error = refused_load(host, "broken.Module")
        assert error["kind"] == "missing" and error["text"].endswith("broken.py:3: invalid syntax")


class TestParseConfig:
    TEXT = """
from synapse.module_api.errors import ConfigError
class Module:
    @staticmethod
    def parse_config(config):
        if "fail" in config:
            raise {"config": ConfigError("no room", path=("rooms", "0")), "other": KeyError("room")}[config["fail"]]
        return {"parsed": config}
    def __init__(self, config, api):
        api.register_account_data_callbacks(on_account_data_updated=self.updated)
        self.config = config
    async def updated(self, *args):
        return self.config
"""

    def test_what_it_returns_is_what_the_constructor_gets(self, package):
        host = package("parsing", self.TEXT)
        assert host.load("parsing.Module", {"a": 1}).call("on_account_data_updated", 1, 2, 3, 4) == {"parsed": {"a": 1}}
        assert host.load("parsing.Module", None).call("on_account_data_updated", 1, 2, 3, 4) == {"parsed": {}}

    def test_its_own_error_has_a_path(self, package):
        host = package("parsing", self.TEXT)
        error = refused_load(host, "parsing.Module", {"fail": "config"})
        assert error == {"kind": "config", "text": "no room", "path": ["rooms", "0"]}

    def test_any_other_error_has_a_traceback(self, package):
        host = package("parsing", self.TEXT)
        error = refused_load(host, "parsing.Module", {"fail": "other"})
        assert (error["kind"], error["class"]) == ("exception", "KeyError") and "parsing.py" in error["traceback"]

    def test_a_class_without_one_gets_the_configuration_itself(self, shared):
        module = shared.load("probe.Probe", {"account_data": {"on_account_data_updated": "'there'"}})
        assert module.call("on_account_data_updated", 1, 2, 3, 4) == "there"


class TestConstruct:
    def test_an_exception_leaves_nothing_half_started(self, package):
        text = """
from twisted.web.resource import Resource
class Module:
    def __init__(self, config, api):
        if not config:
            api.register_web_resource("/_synapse/client/half", Resource())
            api.looping_background_call(self.loop, 1)
            raise RuntimeError("no")
        self.loop = None
        api.register_web_resource("/_synapse/client/half", Resource())
    def loop(self):
        raise SystemExit("it ran")
"""
        host = package("half", text)
        error = refused_load(host, "half.Module")
        assert (error["class"], error["text"]) == ("RuntimeError", "no")
        assert host.load("half.Module", {"a": 1}).described["web"] == ["/_synapse/client/half"]

    def test_what_the_host_doesnt_call_is_ignored_by_name(self, package):
        text = """
class Module:
    def __init__(self, config, api):
        async def callback(*args): return None
        api.register_spam_checker_callbacks(user_may_invite=callback, user_may_sing=callback)
        api.register_account_validity_callbacks(is_user_expired=callback, on_legacy_send_mail=callback, on_legacy_renew=callback,
                                                on_legacy_admin_request=callback)
"""
        described = package("later", text).load("later.Module").described
        assert [one["name"] for one in described["callbacks"]] == ["user_may_invite", "is_user_expired"]
        assert described["ignored"] == ["user_may_sing", "on_legacy_send_mail", "on_legacy_renew", "on_legacy_admin_request"]

    def test_categories_and_keys_of_what_is_registered(self, package):
        text = """
class Module:
    def __init__(self, config, api):
        async def callback(*args): return None
        api.register_password_auth_provider_callbacks(auth_checkers={
            ("m.login.password", ("password",)): callback, ("org.example", ("a", "b")): callback, ("none", ()): callback})
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(add_field_to_unsigned_callback=callback)
        api.register_spam_checker_callbacks(user_may_invite=callback)
        api.register_spam_checker_callbacks(user_may_invite=callback)
        api.register_ratelimit_callbacks(get_ratelimit_override_for_user=callback)
        api.register_media_repository_callbacks(get_media_config_for_user=callback)
"""
        described = package("keys", text).load("keys.Module").described
        assert [(one["category"], one["name"], one["key"]) for one in described["callbacks"]] == [
            ("password_auth_provider", "auth_checkers", ["m.login.password", ["password"]]),
            ("password_auth_provider", "auth_checkers", ["org.example", ["a", "b"]]),
            ("password_auth_provider", "auth_checkers", ["none", []]),
            ("unsigned_section", "add_field_to_unsigned", None),
            ("spam_checker", "user_may_invite", None),
            ("spam_checker", "user_may_invite", None),
            ("ratelimit", "get_ratelimit_override_for_user", None),
            ("media_repository", "get_media_config_for_user", None),
        ]
        assert len({one["handle"] for one in described["callbacks"]}) == 8

    @pytest.mark.parametrize(
        "registration, text",
        [
            ("password_auth_provider_callbacks(auth_checkers={('t', (1,)): len})", "all parameter names must be strings"),
            ("presence_router_callbacks(get_interested_users=len)", "belong together"),
            ("background_update_controller_callbacks(min_batch_size=len)", "on_update"),
            ("spam_checker_callbacks(user_may_invite=3)", "user_may_invite: int can't be called"),
            ("spam_checker_callbacks(lambda: 1)", "positional"),
            ("web_resource('no/slash', None)", "begins with /"),
            ("cached_function(len)", "isn't decorated with cached()"),
        ],
    )
    def test_registrations_that_cant_be(self, package, registration, text):
        host = package("wrong", "class Module:\n    def __init__(self, config, api):\n        api.register_%s\n" % registration)
        assert text in refused_load(host, "wrong.Module")["text"]

    def test_plain_functions_and_functions_that_give_a_deferred(self, package):
        text = """
from twisted.internet.defer import inlineCallbacks
class Module:
    def __init__(self, config, api):
        self.api = api
        api.register_spam_checker_callbacks(user_may_invite=self.yields, user_may_join_room=lambda user, room, invited: invited)
    @inlineCallbacks
    def yields(self, inviter, invitee, room):
        exists = yield self.api.check_user_exists(inviter)
        return exists
"""
        host = package("older", text)
        host.operations["check_user_exists"] = lambda arguments: arguments["user_id"].lower()
        module = host.load("older.Module")
        assert module.call("user_may_invite", "@ALICE:x", "b", "c") == "@alice:x"
        assert module.call("user_may_join_room", "a", "b", True) is True


class TestForget:
    def test_nothing_of_an_entry_is_left(self, package):
        text = """
from twisted.web.resource import Resource
class Module:
    def __init__(self, config, api):
        api.register_spam_checker_callbacks(user_may_invite=lambda a, b, c: True)
        api.register_web_resource("/mine", Resource())
        api.looping_background_call(lambda: api.http_client.get_json("x"), 1)
        api.delayed_background_call(1e6, lambda: None)
"""
        host = package("forgotten", text)
        host.operations["http_client.get_json"] = lambda arguments: {}
        module = host.load("forgotten.Module")
        host.until(lambda: host.asked)
        assert host.request("forget", entry=module.entry) == {}
        host.asked.clear()
        with pytest.raises(Refused):
            module.call("user_may_invite", "a", "b", "c")
        assert host.web("GET", "/mine").status == 404
        assert host.load("forgotten.Module").described["web"] == ["/mine"]
        assert host.request("forget", entry="modules[77]") == {}


class TestPath:
    def test_the_stand_in_comes_before_an_installed_server(self, package, tmp_path):
        (tmp_path / "synapse").mkdir()
        (tmp_path / "synapse" / "__init__.py").write_text("raise SystemError('the server itself')")
        host = package("asking", "import synapse\nassert synapse.__version__ == '1.106.0', synapse\n" + EMPTY)
        host.load("asking.Module")

    def test_nothing_of_it_hides_pythons_own_library(self, package, tmp_path):
        (tmp_path / "json.py").write_text("raise SystemError('no library')")
        package("asking", "import json\njson.dumps(1)\n" + EMPTY).load("asking.Module")

    def test_a_virtual_environment(self, tmp_path):
        inside = tmp_path / "venv" / "lib" / ("python%d.%d" % sys.version_info[:2]) / "site-packages"
        inside.mkdir(parents=True)
        (inside / "in_venv.py").write_text(EMPTY)
        (tmp_path / "linked").mkdir()
        (tmp_path / "linked" / "in_checkout.py").write_text(EMPTY)
        (inside / "checkout.pth").write_text(str(tmp_path / "linked"))
        host = Host(path=[str(tmp_path / "venv")])
        host.load("in_venv.Module")
        host.load("in_checkout.Module")
        host.close()

    def test_earlier_folders_win(self, tmp_path):
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            text = EMPTY + "        assert __file__.startswith(%r), __file__\n" % str(tmp_path / "first")
            (tmp_path / name / "twice.py").write_text(text)
        host = Host(path=[str(tmp_path / "first"), str(tmp_path / "second")])
        host.load("twice.Module")
        host.close()

    def test_the_environment_of_the_host_names_no_packages(self, monkeypatch, tmp_path):
        (tmp_path / "by_environment.py").write_text(EMPTY)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        host = Host()
        assert refused_load(host, "by_environment.Module")["kind"] == "missing"
        host.close()


class TestPlaceholders:
    TEXT = """
import synapse.rest.admin
from typing import Generic, Optional, TypeVar
from synapse import rest, handlers
from synapse.app.homeserver import SynapseHomeServer
from synapse.handlers.oidc import OidcMappingProvider, Token, UserAttributeDict
from synapse.http.servlet import RestServlet
from synapse.storage.databases.main.room import RoomStore
from synapse.types.state import StateFilter
from synapse.util.ratelimitutils import FederationRateLimiter
from synapse.push.errors import PusherError
from synapse.module_api import SomethingNew
T = TypeVar("T")
class Servlet(RestServlet):
    PATTERNS = ["x"]
class Provider(OidcMappingProvider[dict], Generic[T]):
    pass
def annotated(store: RoomStore, filter: Optional[StateFilter], more: "Token | None") -> rest.admin.Users.Sub | None: ...
class Module:
    def __init__(self, config, api):
        self.config = config
        if "use" in config:
            eval(config["use"])
        api.register_spam_checker_callbacks(user_may_invite=self.invite)
    async def invite(self, *args):
        try:
            return Servlet()
        except PusherError:
            return "caught"
        except AttributeError as error:
            return str(error)
"""

    def test_imports_never_fail_and_are_listed_once(self, package):
        described = package("importing", self.TEXT).load("importing.Module").described
        assert described["placeholders"] == [
            "synapse.app.homeserver.SynapseHomeServer",
            "synapse.handlers.oidc.OidcMappingProvider",
            "synapse.handlers.oidc.Token",
            "synapse.handlers.oidc.UserAttributeDict",
            "synapse.http.servlet.RestServlet",
            "synapse.module_api.SomethingNew",
            "synapse.push.errors.PusherError",
            "synapse.rest.admin.Users",
            "synapse.storage.databases.main.room.RoomStore",
            "synapse.types.state.StateFilter",
            "synapse.util.ratelimitutils.FederationRateLimiter",
        ]

    def test_using_one_fails_by_its_name_and_tells_the_host_once(self, package):
        host = package("importing", self.TEXT)
        module = host.load("importing.Module")
        for _ in range(2):
            answer = module.call("user_may_invite", "a", "b", "c")
            assert answer == "synapse.http.servlet.RestServlet is not offered by this homeserver"
        told = [one for one in host.notices if one["do"] == "offered_not"]
        assert told == [{"do": "offered_not", "name": "synapse.http.servlet.RestServlet", "entry": module.entry}]

    @pytest.mark.parametrize(
        "use, name",
        [
            ("StateFilter.from_types([])", "synapse.types.state.StateFilter.from_types"),
            ("SynapseHomeServer()", "synapse.app.homeserver.SynapseHomeServer"),
            ("Provider()", "synapse.handlers.oidc.OidcMappingProvider"),
            ("setattr(RoomStore, 'patched', 1)", "synapse.storage.databases.main.room.RoomStore.patched"),
            ("rest.admin.register_servlets(1)", "synapse.rest.admin.register_servlets"),
        ],
    )
    def test_each_way_to_use_one(self, package, use, name):
        error = refused_load(package("importing", self.TEXT), "importing.Module", {"use": use})
        assert (error["kind"], error["text"]) == ("not_offered", name + " is not offered by this homeserver")

    def test_a_module_that_uses_none_lists_none(self, shared):
        assert shared.load("always.Always").described["placeholders"] == []


class TestLocating:
    def located(self, host, module):
        return host.request("locate", module=module)

    def test_gives_the_file_of_a_module_and_runs_none_of_it(self, package, tmp_path):
        host = package("fatal", "raise SystemExit(1)\n")
        place = self.located(host, "fatal.Module")
        assert place["file"].endswith("fatal.py") and place["folder"] == place["file"].rpartition("/")[0]

    def test_gives_another_fingerprint_for_files_that_were_written(self, package):
        host = package("written", EMPTY)
        before = self.located(host, "written.Module")
        assert self.located(host, "written.Other") == before
        with open(before["file"], "a") as file:
            file.write("# more\n")
        assert self.located(host, "written.Module")["fingerprint"] != before["fingerprint"]

    def test_looks_into_packages(self, shared):
        assert self.located(shared, "keeping.Module")["file"].endswith("keeping.py")
        assert "/expiring" in self.located(shared, "expiring.Module")["file"]
        with pytest.raises(Refused) as refused:
            self.located(shared, "expiring.nothing.Module")
        assert refused.value.error == {"kind": "missing", "text": "there is no Python package expiring.nothing"}

    @pytest.mark.parametrize("name", ["nobody_has_this.Module", "always"])
    def test_says_what_isnt_there(self, shared, name):
        with pytest.raises(Refused) as refused:
            self.located(shared, name)
        assert refused.value.error["kind"] == "missing"
