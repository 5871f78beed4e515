"""Password providers from before there were callbacks, as callbacks of today's."""

import pytest


@pytest.fixture
def everything(shared):
    shared.operations["check_user_exists"] = lambda arguments: arguments["user_id"] if "known" in arguments["user_id"] else None
    shared.operations["register_user"] = lambda arguments: "@%s:example.org" % arguments["localpart"]
    shared.operations["register_device"] = lambda arguments: ["D", "token", None, None]
    return shared.load("older.Everything", {})


def check(module, login_type, fields, user, **login):
    return module.call("auth_checkers", user, login_type, login, key=[login_type, fields])


def test_login_types_and_fields_become_checkers(everything):
    keys = [one["key"] for one in everything.described["callbacks"] if one["name"] == "auth_checkers"]
    assert keys == [["m.login.password", ["password"]], ["org.example", ["first", "second"]], ["org.text", ["one"]]]
    assert sorted(set(everything.names)) == ["auth_checkers", "check_3pid_auth", "on_logged_out"]


def test_a_bare_user_id_has_no_response_callback(everything):
    answer = check(everything, "m.login.password", ["password"], "known", password="x")
    assert answer == {"$tuple": ["@known:example.org", None]}


def test_a_user_may_be_made_in_between(everything):
    answer = check(everything, "org.example", ["first", "second"], "new", first="x", second="y")
    assert answer == {"$tuple": ["@new:example.org", None]}


def test_a_response_callback_may_be_a_plain_function(everything, shared):
    answer = check(everything, "org.example", ["first", "second"], "known", first="callback", second="y")
    handle = answer["$tuple"][1]["$handle"]
    assert shared.request("respond", entry=everything.entry, handle=handle, call="c", response={"a": 1}) == {
        "a": 1,
        "by": "plain function",
    }


def test_nothing_is_no_answer(everything):
    assert check(everything, "org.text", ["one"], "known", one="x") is None


def test_addresses_and_logging_out(everything):
    assert everything.call("check_3pid_auth", "email", "bob", "right") == {"$tuple": ["@bob:example.org", None]}
    assert everything.call("check_3pid_auth", "email", "bob", "wrong") is None
    assert everything.call("on_logged_out", "@a:x", None, "token") is None


@pytest.mark.parametrize("interface", [None, "module", "password_provider"])
def test_check_password_gets_a_full_id(shared, everything, interface):
    if interface == "password_provider":
        module = shared.load("older.Everything", {}, interface="password_provider")
        assert "auth_checkers" in module.names
        return
    module = shared.load("older.Password", {}, interface=interface)
    fields = ["password"]
    assert check(module, "m.login.password", fields, "known", password="right") == {"$tuple": ["@known:example.org", None]}
    assert (
        check(module, "m.login.password", fields, "@known:example.org", password="right")["$tuple"][0] == "@known:example.org"
    )
    assert check(module, "m.login.password", fields, "known", password="wrong") is None
    assert check(module, "m.login.password", fields, "nobody", password="right") is None
    assert check(module, "m.login.password", fields, "known", password=None) is None


def test_a_module_of_today_is_none_of_these(shared):
    assert shared.load("older.Today").names == ["on_account_data_updated"]
