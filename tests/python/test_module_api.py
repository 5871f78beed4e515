"""ModuleApi: each member by its name, of the right kind, and what it asks of the host."""

import pathlib
import re
import subprocess

import pytest
from bridge_host import INTERPRETER, PYTHON_HOUSE, Refused, declared, event

EVENT = event(type="m.room.member", state_key="@b:x", content={"membership": "join"})
USER_INFO = {"$user_info": {"user_id": "@a:x", "is_admin": True, "creation_ts": 5, "user_type": None}}

# expression, member of the host's, its arguments, what the host answers, what the module sees
OPERATIONS = [
    ("await api.get_userinfo_by_id('@a:x')", "get_userinfo_by_id", {"user_id": "@a:x"}, None, None),
    ("(await api.get_userinfo_by_id('@a:x')).user_id.localpart", "get_userinfo_by_id", {"user_id": "@a:x"}, USER_INFO, "a"),
    ("await api.is_user_admin('@a:x')", "is_user_admin", {"user_id": "@a:x"}, True, True),
    ("await api.set_user_admin('@a:x', True)", "set_user_admin", {"user_id": "@a:x", "admin": True}, None, None),
    (
        "(await api.get_profile_for_user('a')).display_name",
        "get_profile_for_user",
        {"localpart": "a"},
        {"$profile": {"display_name": "A", "avatar_url": None}},
        "A",
    ),
    (
        "[one['medium'] for one in await api.get_threepids_for_user('@a:x')]",
        "get_threepids_for_user",
        {"user_id": "@a:x"},
        [{"medium": "email", "address": "a@x", "validated_at": 1, "added_at": 2}],
        ["email"],
    ),
    ("await api.check_user_exists('@a:x')", "check_user_exists", {"user_id": "@a:x"}, "@A:x", "@A:x"),
    (
        "await api.register_user('a', displayname='A', emails=['a@x'], admin=True)",
        "register_user",
        {"localpart": "a", "displayname": "A", "emails": ["a@x"], "admin": True},
        "@a:x",
        "@a:x",
    ),
    (
        "await api.register_device('@a:x', 'D', 'phone')",
        "register_device",
        {"user_id": "@a:x", "device_id": "D", "initial_display_name": "phone"},
        ["D", "token", None, None],
        {"$tuple": ["D", "token", None, None]},
    ),
    (
        "await api.record_user_external_id('idp', 'r', '@a:x')",
        "record_user_external_id",
        {"auth_provider_id": "idp", "remote_user_id": "r", "registered_user_id": "@a:x"},
        None,
        None,
    ),
    (
        "await api.create_login_token('@a:x', duration_in_ms=5)",
        "create_login_token",
        {"user_id": "@a:x", "duration_in_ms": 5, "auth_provider_id": None, "auth_provider_session_id": None},
        "syl_x",
        "syl_x",
    ),
    ("await api.invalidate_access_token('t')", "invalidate_access_token", {"access_token": "t"}, None, None),
    ("await api.check_username('a')", "check_username", {"username": "a"}, None, None),
    (
        "await api.set_displayname(UserID.from_string('@a:x'), 'A')",
        "set_displayname",
        {"user_id": "@a:x", "new_displayname": "A", "deactivation": False},
        None,
        None,
    ),
    (
        "[[one['ip'], one['last_seen']] for one in await api.get_user_ip_and_agents('@a:x', 3)]",
        "get_user_ip_and_agents",
        {"user_id": "@a:x", "since_ts": 3},
        [{"$user_ip_and_agent": {"ip": "::1", "user_agent": "u", "last_seen": 4}}],
        [["::1", 4]],
    ),
    (
        "await api.get_monthly_active_users_by_service()",
        "get_monthly_active_users_by_service",
        {"start_timestamp": None, "end_timestamp": None},
        [["native", "@a:x"]],
        [{"$tuple": ["native", "@a:x"]}],
    ),
    (
        "await api.store_remote_3pid_association('@a:x', 'email', 'a@x', 'id')",
        "store_remote_3pid_association",
        {"user_id": "@a:x", "medium": "email", "address": "a@x", "id_server": "id"},
        None,
        None,
    ),
    (
        "[one.membership for one in await api.get_state_events_in_room('!r:x', [('m.room.member', None)])]",
        "get_state_events_in_room",
        {"room_id": "!r:x", "types": [["m.room.member", None]]},
        [EVENT],
        ["join"],
    ),
    (
        "(await api.get_room_state('!r:x'))[('m.room.member', '@b:x')].membership",
        "get_room_state",
        {"room_id": "!r:x", "event_filter": None},
        {"$state_events": [EVENT["$event"]]},
        "join",
    ),
    (
        "(await api.get_room_state('!r:x', event_filter=[('a', 'b')])).get(('a', 'b'))",
        "get_room_state",
        {"room_id": "!r:x", "event_filter": [["a", "b"]]},
        {"$state_events": []},
        None,
    ),
    (
        "(await api.update_room_membership('@a:x', '@b:x', '!r:x', 'invite')).event_id",
        "update_room_membership",
        {
            "sender": "@a:x",
            "target": "@b:x",
            "room_id": "!r:x",
            "new_membership": "invite",
            "content": None,
            "remote_room_hosts": None,
        },
        EVENT,
        "$event",
    ),
    (
        "(await api.create_and_send_event_into_room({'type': 't', 'content': {'$a': 1}})).type",
        "create_and_send_event_into_room",
        {"event_dict": {"type": "t", "content": {"$a": 1}}},
        EVENT,
        "m.room.member",
    ),
    (
        "await api.create_room('@a:x', {'preset': RoomCreationPreset.PUBLIC_CHAT}, ratelimit=False)",
        "create_room",
        {"user_id": "@a:x", "config": {"preset": "public_chat"}, "ratelimit": False, "creator_join_profile": None},
        ["!r:x", None],
        {"$tuple": ["!r:x", None]},
    ),
    ("await api.delete_room('!r:x')", "delete_room", {"room_id": "!r:x"}, None, None),
    (
        "(await api.get_canonical_room_alias(RoomID.from_string('!r:x'))).to_string()",
        "get_canonical_room_alias",
        {"room_id": "!r:x"},
        {"$room_alias": "#a:x"},
        "#a:x",
    ),
    (
        "await api.lookup_room_alias('#a:x')",
        "lookup_room_alias",
        {"room_alias": "#a:x"},
        ["!r:x", ["x"]],
        {"$tuple": ["!r:x", ["x"]]},
    ),
    (
        "await api.send_local_online_presence_to({'@a:x'})",
        "send_local_online_presence_to",
        {"users": ["@a:x"]},
        None,
        None,
    ),
    (
        "await api.set_presence_for_users({'@a:x': ('online', None)})",
        "set_presence_for_users",
        {"users": {"@a:x": ["online", None]}},
        None,
        None,
    ),
    (
        "await api.send_http_push_notification('@a:x', None, {'k': 1}, tweaks={'t': 2})",
        "send_http_push_notification",
        {"user_id": "@a:x", "device_id": None, "content": {"k": 1}, "tweaks": {"t": 2}, "default_payload": None},
        {"D": True},
        {"D": True},
    ),
    (
        "await api.set_push_rule_action('@a:x', 'global', 'override', 'r', ['notify'])",
        "set_push_rule_action",
        {"user_id": "@a:x", "scope": "global", "kind": "override", "rule_id": "r", "actions": ["notify"]},
        None,
        None,
    ),
    (
        "await api.send_mail('a@x', 's', '<p>', 't')",
        "send_mail",
        {"recipient": "a@x", "subject": "s", "html": "<p>", "text": "t"},
        None,
        None,
    ),
    (
        "await api.public_room_list_manager.room_is_in_public_room_list('!r:x')",
        "public_room_list_manager.room_is_in_public_room_list",
        {"room_id": "!r:x"},
        True,
        True,
    ),
    (
        "await api.public_room_list_manager.add_room_to_public_room_list('!r:x')",
        "public_room_list_manager.add_room_to_public_room_list",
        {"room_id": "!r:x"},
        None,
        None,
    ),
    (
        "await api.public_room_list_manager.remove_room_from_public_room_list('!r:x')",
        "public_room_list_manager.remove_room_from_public_room_list",
        {"room_id": "!r:x"},
        None,
        None,
    ),
    (
        "[dict(d := await api.account_data_manager.get_global('@a:x', AccountDataTypes.DIRECT)), type(d['l']).__name__]",
        "account_data_manager.get_global",
        {"user_id": "@a:x", "data_type": "m.direct"},
        {"$json": {"l": [1]}},
        [{"l": [1]}, "tuple"],
    ),
    (
        "await api.account_data_manager.get_global('@a:x', 't')",
        "account_data_manager.get_global",
        {"user_id": "@a:x", "data_type": "t"},
        None,
        None,
    ),
    (
        "await api.account_data_manager.put_global('@a:x', 't', {'a': 1})",
        "account_data_manager.put_global",
        {"user_id": "@a:x", "data_type": "t", "new_data": {"a": 1}},
        None,
        None,
    ),
]


@pytest.mark.parametrize("expression, member, arguments, answer, seen", OPERATIONS, ids=[one[0][:60] for one in OPERATIONS])
def test_what_a_member_asks_and_gives(evaluate, shared, expression, member, arguments, answer, seen):
    shared.operations[member] = lambda _: answer
    assert evaluate(expression) == seen
    assert shared.asked[-1]["member"] == member and shared.asked[-1]["arguments"] == arguments


def test_register_is_an_account_and_a_device(evaluate, shared):
    shared.operations["register_user"] = lambda arguments: "@%s:x" % arguments["localpart"]
    shared.operations["register_device"] = lambda arguments: ["D", "token of " + arguments["user_id"], None, None]
    assert evaluate("await api.register('a')") == {"$tuple": ["@a:x", "token of @a:x"]}


@pytest.mark.parametrize(
    "expression, value",
    [
        ("api.server_name", "example.org"),
        ("api.public_baseurl", "https://example.org/"),
        ("api.email_app_name", "Example"),
        ("api.worker_name", None),
        ("api.worker_app", None),
        ("api.custom_template_dir", None),
        ("api.msc3861_oauth_delegation_enabled", False),
        ("api.should_run_background_tasks()", True),
        ("api.get_qualified_user_id('alice')", "@alice:example.org"),
        ("api.get_qualified_user_id('@alice:other')", "@alice:other"),
        ("api.is_mine('@alice:example.org')", True),
        ("api.is_mine('@alice:example.org:8448')", False),
        ("api.is_mine('malformed')", False),
        ("api.is_mine(UserID('alice', 'example.org'))", True),
        ("api.is_mine(RoomID('r', 'other'))", False),
        ("api.check_push_rule_actions(['notify', 'dont_notify', 'coalesce', {'set_tweak': 'sound'}])", None),
        ("1.6e12 < api.get_current_time_msec() < 1e13", True),
        ("api._server_name", "example.org"),
        ("api.hs is api._hs", True),
    ],
)
def test_what_needs_no_host(evaluate, shared, expression, value):
    before = len(shared.asked)
    assert evaluate(expression) == value
    assert len(shared.asked) == before


@pytest.mark.parametrize(
    "expression, name",
    [
        ("api.check_push_rule_actions(['shout'])", "InvalidRuleException"),
        ("api.check_push_rule_actions('notify')", "InvalidRuleException"),
        ("api.check_push_rule_actions([{'tweak': 1}])", "InvalidRuleException"),
        ("await api.set_push_rule_action('@a:x', 'device', 'o', 'r', [])", "RuntimeError"),
        ("await api.set_push_rule_action('@a:x', 'global', 'o', 'r', ['x'])", "InvalidRuleException"),
        ("await api.account_data_manager.put_global('@a:x', 3, {})", "TypeError"),
        ("await api.account_data_manager.put_global('@a:x', 't', [])", "TypeError"),
        ("await api.send_mail('a@x', object(), '', '')", "ValueError"),
        ("await api.http_client.post_json_get_json('u', {'n': 2 ** 70})", "ValueError"),
        ("await api.create_room('@a:x', {('a', 'b'): 1})", "ValueError"),
    ],
)
def test_mistakes_are_seen_before_the_host_is_asked(evaluate, shared, expression, name):
    before = len(shared.asked)
    with pytest.raises(Refused) as refused:
        evaluate(expression)
    assert refused.value.error["class"] == name
    assert len(shared.asked) == before


def test_the_host_is_asked_in_the_reactors_thread_only(evaluate, shared):
    with pytest.raises(Refused) as refused:
        evaluate("await api.defer_to_thread(lambda: api.check_user_exists('@a:x'))")
    assert "blockingCallFromThread" in refused.value.error["text"]
    shared.operations["check_user_exists"] = lambda arguments: arguments["user_id"]
    expression = "await threads.deferToThread(lambda: threads.blockingCallFromThread(reactor, api.check_user_exists, '@a:x'))"
    assert evaluate(expression) == "@a:x"


@pytest.mark.parametrize(
    "name",
    ["check_user_exists", "register", "register_user", "register_device", "record_user_external_id", "invalidate_access_token"],
)
def test_members_that_are_to_be_yielded_give_deferreds(evaluate, shared, name):
    arguments = {"register": "'a'", "register_user": "'a'", "record_user_external_id": "1, 2, 3"}.get(name, "'x'")
    for operation in (name, "register_user", "register_device"):
        shared.operations[operation] = lambda _: ["a", "b", "c", "d"]
    assert evaluate("isinstance(api.%s(%s), defer.Deferred)" % (name, arguments)) is True


def test_nothing_is_offered_that_isnt_by_the_hosts_word(evaluate, shared):
    shared.operations.pop("create_room", None)
    with pytest.raises(Refused) as refused:
        evaluate("await api.create_room('@a:x', {})")
    error = refused.value.error
    assert (error["kind"], error["text"]) == ("not_offered", "create_room is not offered by this homeserver")


def test_a_worker_that_isnt_for_background_tasks():
    from bridge_host import Host

    host = Host(worker_name="w1", worker_app="generic", is_main=False, runs_background_tasks=False)
    module = host.load("probe.Probe", {})
    body = "[api.worker_name, api.worker_app, api.should_run_background_tasks(), api._hs.get_instance_name()]"
    assert module.call("add_field_to_unsigned", event(content={"body": body})) == ["w1", "generic", False, "w1"]
    module.call("add_field_to_unsigned", event(content={"body": "api.looping_background_call(lambda: None, 1)"}))
    assert "Not running looping call" in host.logged("Not running")["text"]
    host.close()


class TestWithoutAHost:
    """Unit tests of modules build ModuleApi by themselves, or take it as a specification."""

    def run(self, code):
        prelude = "import sys; sys.path.insert(0, %r)\n" % str(PYTHON_HOUSE)
        done = subprocess.run([INTERPRETER, "-I", "-B", "-c", prelude + code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_each_member_is_of_the_contracts_kind(self):
        code = """
from unittest.mock import AsyncMock, Mock
from synapse.module_api import ModuleApi
mock = Mock(spec=ModuleApi)
print(sorted(name for name in dir(ModuleApi) if not name.startswith("_") and isinstance(getattr(mock, name), AsyncMock)))
"""
        assert eval(self.run(code)) == sorted(
            """get_userinfo_by_id get_user_by_req is_user_admin set_user_admin get_profile_for_user get_threepids_for_user
            create_login_token complete_sso_login_async check_username set_displayname get_user_ip_and_agents
            get_monthly_active_users_by_service store_remote_3pid_association get_room_state update_room_membership
            create_and_send_event_into_room create_room delete_room get_canonical_room_alias lookup_room_alias
            send_local_online_presence_to set_presence_for_users sleep defer_to_thread defer_to_threadpool invalidate_cache
            send_http_push_notification set_push_rule_action send_mail""".split()
        )

    def test_it_has_every_member_of_the_contract(self):
        text = (pathlib.Path(__file__).resolve().parents[2] / "libmodapi" / "README.md").read_text()
        table = text[text.index("## ModuleApi, member by member") : text.index("`read_templates` gives mustache")]
        names = [
            row.split("|")[1].strip().split(" ")[0] for row in table.splitlines() if row.count("|") == 4 and row[2] not in "-*"
        ]
        assert len(names) > 60
        code = """
from unittest.mock import Mock
from synapse.module_api import AccountDataManager, ModuleApi, PublicRoomListManager
api = ModuleApi(Mock(), None)
def has(name):
    helper, _, method = name.rpartition(".")
    return hasattr(getattr(api, helper) if helper else api, method)
print([name for name in %r if not has(name)])
""" % [
            name for name in names if name not in ("helper", "member")
        ]
        assert eval(self.run(code)) == []

    def test_each_callback_that_is_declared_can_be_registered_by_name(self):
        text = (pathlib.Path(__file__).resolve().parents[2] / "callbacks" / "README.md").read_text()
        names = re.findall(r"^\| `(\w+)` \| [\d.]* *\|? *`\(", text, re.M)
        assert len(names) > 40 and set(names) <= {one["name"] for one in declared()}
        code = """
import inspect
from synapse.module_api import ModuleApi
found = {}
for name in dir(ModuleApi):
    if name.startswith("register_") and name.endswith("_callbacks"):
        found.update(inspect.signature(getattr(ModuleApi, name)).parameters)
print(sorted(name for name in %r if name not in found and name + "_callback" not in found))
"""
        assert eval(self.run(code % names)) == []

    def test_an_object_that_is_built_with_a_mock_is_a_specification(self):
        code = """
from unittest.mock import Mock
from synapse.module_api import ModuleApi
from synapse.module_api.errors import SynapseError
api = Mock(spec=ModuleApi(Mock(), None))
api.http_client, api._hs, api._store, api.public_room_list_manager.room_is_in_public_room_list
print(api.get_qualified_user_id.return_value is not None)
"""
        assert self.run(code) == "True\n"
