"""What some modules reach for behind ModuleApi: forwarded to the host, or refused by name."""

import pytest
from bridge_host import Refused, event

EVENT = event(type="t")
STORE = "api._hs.get_datastores().main"

FORWARDED = [
    (
        "await S.get_user_id_by_threepid('email', 'a@x')",
        "internal.get_user_id_by_threepid",
        {"medium": "email", "address": "a@x"},
        "@a:x",
        "@a:x",
    ),
    (
        "await S.user_get_threepids('@a:x')",
        "get_threepids_for_user",
        {"user_id": "@a:x"},
        [{"medium": "email"}],
        [{"medium": "email"}],
    ),
    (
        "await S.user_add_threepid('@a:x', 'email', 'a@x', 1, 2)",
        "internal.user_add_threepid",
        {"user_id": "@a:x", "medium": "email", "address": "a@x", "validated_at": 1, "added_at": 2},
        None,
        None,
    ),
    (
        "await S.user_delete_threepid('@a:x', 'email', 'a@x')",
        "internal.user_delete_threepid",
        {"user_id": "@a:x", "medium": "email", "address": "a@x"},
        None,
        None,
    ),
    (
        "await api._hs.get_profile_handler().store.set_profile_displayname('alice', 'A')",
        "internal.set_profile_displayname",
        {"user_id": "@alice:example.org", "new_displayname": "A"},
        None,
        None,
    ),
    (
        "await S.set_profile_displayname(UserID('alice', 'example.org'), 'A')",
        "internal.set_profile_displayname",
        {"user_id": "@alice:example.org", "new_displayname": "A"},
        None,
        None,
    ),
    (
        "await S.set_profile_avatar_url('alice', 'mxc://x/y')",
        "internal.set_profile_avatar_url",
        {"user_id": "@alice:example.org", "new_avatar_url": "mxc://x/y"},
        None,
        None,
    ),
    (
        "await S.get_profile_displayname('alice')",
        "get_profile_for_user",
        {"localpart": "alice"},
        {"$profile": {"display_name": "A", "avatar_url": None}},
        "A",
    ),
    (
        "await api._hs.get_profile_handler().get_avatar_url(UserID('alice', 'example.org'))",
        "get_profile_for_user",
        {"localpart": "alice"},
        {"$profile": {"display_name": "A", "avatar_url": "mxc://x/y"}},
        "mxc://x/y",
    ),
    ("(await S.get_event('$e')).type", "internal.get_event", {"event_id": "$e", "allow_none": False}, EVENT, "t"),
    ("await S.get_event('$e', allow_none=True)", "internal.get_event", {"event_id": "$e", "allow_none": True}, None, None),
    (
        "await S.get_latest_event_ids_in_room('!r:x')",
        "internal.get_latest_event_ids_in_room",
        {"room_id": "!r:x"},
        ["$e"],
        ["$e"],
    ),
    ("sorted(await S.get_rooms_for_user('@a:x'))", "internal.get_rooms_for_user", {"user_id": "@a:x"}, ["!r:x"], ["!r:x"]),
    ("await S.get_users_in_room('!r:x')", "internal.get_users_in_room", {"room_id": "!r:x"}, ["@a:x"], ["@a:x"]),
    (
        "await S.get_user_by_external_id('idp', 'r')",
        "internal.get_user_by_external_id",
        {"auth_provider": "idp", "external_id": "r"},
        "@a:x",
        "@a:x",
    ),
    (
        "await S.get_external_ids_by_user('@a:x')",
        "internal.get_external_ids_by_user",
        {"user_id": "@a:x"},
        [["idp", "r"]],
        [{"$tuple": ["idp", "r"]}],
    ),
    (
        "await S.record_user_external_id('idp', 'r', '@a:x')",
        "record_user_external_id",
        {"auth_provider_id": "idp", "remote_user_id": "r", "registered_user_id": "@a:x"},
        None,
        None,
    ),
    (
        "await S.remove_user_external_id('idp', 'r', '@a:x')",
        "internal.remove_user_external_id",
        {"auth_provider": "idp", "external_id": "r", "user_id": "@a:x"},
        None,
        None,
    ),
    ("await S.is_server_admin(UserID('a', 'x'))", "is_user_admin", {"user_id": "@a:x"}, True, True),
    ("await api._store.get_user_by_id('@a:x')", "get_userinfo_by_id", {"user_id": "@a:x"}, None, None),
    ("await api._auth_handler.check_user_exists('@a:x')", "check_user_exists", {"user_id": "@a:x"}, "@a:x", "@a:x"),
    (
        "await api._auth_handler.add_threepid('@a:x', 'email', 'a@x', 1)",
        "internal.add_threepid",
        {"user_id": "@a:x", "medium": "email", "address": "a@x", "validated_at": 1},
        None,
        None,
    ),
    (
        "await api._hs.get_auth_handler().delete_local_threepid('@a:x', 'email', 'a@x')",
        "internal.delete_threepid",
        {"user_id": "@a:x", "medium": "email", "address": "a@x"},
        None,
        None,
    ),
    ("await api._hs.get_auth().is_server_admin(create_requester('@a:x'))", "is_user_admin", {"user_id": "@a:x"}, True, True),
    ("await api._hs.get_registration_handler().check_username('a')", "check_username", {"username": "a"}, None, None),
    (
        "await api._hs.get_registration_handler().register_user('a', default_display_name='A')",
        "register_user",
        {"localpart": "a", "displayname": "A", "emails": [], "admin": False},
        "@a:x",
        "@a:x",
    ),
    (
        "(await api._hs.get_room_member_handler().update_membership(create_requester('@a:x'), UserID('b', 'x'), '!r:x', 'join'))[0]",
        "update_room_membership",
        {
            "sender": "@a:x",
            "target": "@b:x",
            "room_id": "!r:x",
            "new_membership": "join",
            "content": None,
            "remote_room_hosts": None,
        },
        EVENT,
        "$event",
    ),
    (
        "(await api._hs.get_event_creation_handler().create_and_send_nonmember_event(create_requester('@a:x'), {'type': 't'}))[0].type",
        "create_and_send_event_into_room",
        {"event_dict": {"type": "t", "sender": "@a:x"}},
        EVENT,
        "t",
    ),
    (
        "await api._hs.get_deactivate_account_handler().deactivate_account('@a:x', True, create_requester('@a:x'))",
        "internal.deactivate_account",
        {"user_id": "@a:x", "erase": True},
        True,
        True,
    ),
    (
        "(await api._storage_controllers.state.get_current_state_event('!r:x', 't', '')).type",
        "get_room_state",
        {"room_id": "!r:x", "event_filter": [["t", ""]]},
        {"$state_events": [event(type="t", state_key="")["$event"]]},
        "t",
    ),
    (
        "await api._hs.get_profile_handler().set_avatar_url(UserID('a', 'x'), create_requester('@a:x'), 'mxc://x/y', True)",
        "internal.set_avatar_url",
        {"user_id": "@a:x", "new_avatar_url": "mxc://x/y"},
        None,
        None,
    ),
    (
        "await api._hs.get_proxied_http_client().get_json('https://x')",
        "http_client.get_json",
        {"uri": "https://x", "args": None, "headers": None},
        {"a": 1},
        {"a": 1},
    ),
]


@pytest.mark.parametrize("expression, member, arguments, answer, seen", FORWARDED, ids=[one[0][:60] for one in FORWARDED])
def test_what_is_forwarded(evaluate, shared, expression, member, arguments, answer, seen):
    shared.operations[member] = lambda _: answer
    assert evaluate(expression.replace("S.", STORE + ".")) == seen
    assert shared.asked[-1]["member"] == member and shared.asked[-1]["arguments"] == arguments


@pytest.mark.parametrize(
    "expression, value",
    [
        ("api._hs.hostname", "example.org"),
        ("api._hs.config.server.server_name", "example.org"),
        ("api._hs.config.server_name", "example.org"),
        ("api._hs.config.server.public_baseurl", "https://example.org/"),
        ("api._hs.config.email.email_app_name", "Example"),
        ("api._hs.config.worker.run_background_tasks", True),
        ("api._hs.get_instance_name()", "master"),
        ("api._hs.is_mine_id('@a:example.org')", True),
        ("api._hs.is_mine(UserID('a', 'other'))", False),
        ("api._hs.get_datastore() is api._hs.get_datastores().main", True),
        ("api._hs.get_reactor() is reactor", True),
        ("api._auth is not None and api._clock is not None", True),
    ],
)
def test_what_needs_no_host(evaluate, expression, value):
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression, name",
    [
        ("api._hs.get_media_repository()", "HomeServer.get_media_repository"),
        ("api._hs.get_task_scheduler()", "HomeServer.get_task_scheduler"),
        ("api._hs.config.registration.enable_registration", "HomeServer.config.registration"),
        ("api._hs.config.server.max_upload_size", "HomeServer.config.server.max_upload_size"),
        ("api._store.get_room_count()", "HomeServer.get_datastores().main.get_room_count"),
        ("api._auth.get_appservice_by_req(1)", "HomeServer.get_auth().get_appservice_by_req"),
    ],
)
def test_all_else_fails_by_its_name(evaluate, expression, name):
    with pytest.raises(Refused) as refused:
        evaluate(expression)
    assert (refused.value.error["kind"], refused.value.error["text"]) == (
        "not_offered",
        name + " is not offered by this homeserver",
    )


def test_a_module_that_tries_it_first_can_go_another_way(evaluate, shared):
    assert evaluate("getattr(api._hs, 'get_federation_sender', None)") is None
    assert evaluate("hasattr(api._hs, 'get_federation_sender')") is False


def test_the_webs_requests_are_authenticated_there_too(package):
    text = """
from synapse.http.server import DirectServeJsonResource
class Page(DirectServeJsonResource):
    def __init__(self, api):
        super().__init__()
        self.auth = api._hs.get_auth()
    async def _async_render_GET(self, request):
        requester = await self.auth.get_user_by_req(request)
        return 200, {"user": requester.user.to_string()}
class Module:
    def __init__(self, config, api):
        api.register_web_resource("/page", Page(api))
"""
    host = package("asking", text)
    host.load("asking.Module")
    host.operations["get_user_by_req"] = lambda arguments: {"$requester": {"user": "@alice:example.org"}}
    assert host.web("GET", "/page").json() == {"user": "@alice:example.org"}
