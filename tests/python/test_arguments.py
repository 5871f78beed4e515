"""What callbacks are given."""

import pytest
from bridge_host import Refused, event, state


def given(shared, category, name, expression, *arguments):
    """What an expression of a callback's arguments is."""
    module = shared.load("probe.Probe", {category: {name: expression}})
    return module.message(name, *arguments)


def spam(shared, expression, one):
    return given(shared, "spam_checker", "check_event_for_spam", expression, one)["result"]


@pytest.mark.parametrize(
    "expression, value",
    [
        ("event.type", "m.room.member"),
        ("event.sender", "@alice:example.org"),
        ("event.user_id", "@alice:example.org"),
        ("event.room_id", "!room:example.org"),
        ("event.state_key", "@bob:example.org"),
        ("event.content['membership']", "invite"),
        ("event.membership", "invite"),
        ("event.is_state()", True),
        ("event.get_state_key()", "@bob:example.org"),
        ("event.get('origin_server_ts')", 5),
        ("event.get('nothing', 'else')", "else"),
        ("event.origin_server_ts", 5),
        ("event.event_id", "$event"),
        ("event.unsigned", {"age": 1}),
        ("event.redacts", None),
        ("event.room_version.identifier", "9"),
        ("event.format_version", 3),
        ("event.prev_event_ids()", ["$before"]),
        ("event.depth", 7),
        ("event.internal_metadata.outlier", True),
        ("event.internal_metadata.is_outlier()", True),
        ("event.internal_metadata.soft_failed", False),
        ("event.get_dict()['content']['membership']", "invite"),
        ("'type' in event and event['type']", "m.room.member"),
        ("sorted(event.keys())[0]", "content"),
        ("isinstance(event, EventBase)", True),
        ("event.get_pdu_json()['depth']", 7),
    ],
)
def test_members_of_an_event(shared, expression, value):
    held = event(
        type="m.room.member",
        state_key="@bob:example.org",
        content={"membership": "invite"},
        origin_server_ts=5,
        unsigned={"age": 1},
        prev_events=["$before"],
        depth=7,
        room_version="9",
        internal={"outlier": True},
    )
    assert spam(shared, expression, held) == value


def test_an_event_without_a_state_key_has_none_to_get(shared):
    assert spam(shared, "(event.is_state(), hasattr(event, 'state_key'))", event()) == {"$tuple": [False, False]}


def test_content_that_looks_like_a_value_of_the_protocol_stays_content(shared):
    assert spam(shared, "event.content", event(content={"$set": ["a"]})) == {"$dict": [["$set", ["a"]]]}


def test_content_may_be_changed_in_a_copy_of_a_dictionary(shared):
    assert spam(shared, "event.get_dict()['unsigned'].update(a=1) or event.unsigned", event()) == {}


def test_an_event_for_clients(shared):
    expression = "__import__('synapse.events.utils').events.utils.format_event_for_client_v2(event.get_dict())"
    found = spam(shared, expression, event(hashes={}, depth=1, prev_events=[], auth_events=[], signatures={}))
    assert sorted(found) == ["content", "origin_server_ts", "room_id", "sender", "type", "unsigned"]


def test_what_an_event_may_not_be_changed_in(shared):
    frozen = event(content={"list": [1], "inner": {}}, frozen=True)
    assert spam(shared, "type(event.content['list']).__name__", frozen) == "tuple"
    assert spam(shared, "dict(event.content, body='x')['body']", frozen) == "x"
    assert spam(shared, "__import__('copy').deepcopy(event.content)['list'].append(2)", frozen) is None
    for expression in ("event.content.update(a=1)", "event.content['inner'].setdefault('a', 1)", "event.content.pop('list')"):
        with pytest.raises(Refused) as refused:
            spam(shared, expression, frozen)
        assert refused.value.error["class"] == "TypeError"


def test_an_event_that_is_marked_soft_failed_goes_back_by_its_id(shared):
    expression = "setattr(event.internal_metadata, 'soft_failed', True) or NOT_SPAM"
    answer = given(shared, "spam_checker", "check_event_for_spam", expression, event())
    assert (answer["result"], answer["soft_failed"]) == ("NOT_SPAM", ["$event"])
    answer = given(shared, "spam_checker", "check_event_for_spam", expression, event(internal={"soft_failed": True}))
    assert "soft_failed" not in answer


def test_a_request_that_may_be_changed_goes_back_if_it_was(shared):
    requester = {"$requester": {"user": "@alice:example.org", "device_id": "D", "access_token_id": 3}}
    change = "args[1].update(name='other', inner={'a': [1]})"
    answer = given(
        shared, "third_party_rules", "on_create_room", change, requester, {"$mutable": {"name": "x", "$odd": 1}}, False
    )
    assert answer["changed"] == {"1": {"name": "other", "$odd": 1, "inner": {"a": [1]}}}
    answer = given(shared, "third_party_rules", "on_create_room", "None", requester, {"$mutable": {"name": "x"}}, False)
    assert "changed" not in answer


@pytest.mark.parametrize(
    "expression, value",
    [
        ("args[0].user.to_string()", "@alice:example.org"),
        ("args[0].user.localpart", "alice"),
        ("args[0].authenticated_entity", "@alice:example.org"),
        ("args[0].device_id", "D"),
        ("args[0].is_guest", False),
    ],
)
def test_members_of_a_requester(shared, expression, value):
    requester = {"$requester": {"user": "@alice:example.org", "device_id": "D"}}
    answer = given(shared, "third_party_rules", "on_create_room", expression, requester, {"$mutable": {}}, False)
    assert answer["result"] == value


def test_a_profile_and_an_alias_are_objects(shared):
    profile = {"$profile": {"display_name": "Alice", "avatar_url": None}}
    expression = "[args[1].display_name, args[1].avatar_url, type(args[1]).__name__]"
    answer = given(shared, "third_party_rules", "on_profile_update", expression, "@a:b", profile, False, False)
    assert answer["result"] == ["Alice", None, "ProfileInfo"]
    expression = "[args[1].localpart, args[1].to_string()]"
    answer = given(
        shared, "spam_checker", "user_may_create_room_alias", expression, "@a:b", {"$room_alias": "#hall:example.org"}
    )
    assert answer["result"] == ["hall", "#hall:example.org"]


def test_presence_states_can_be_kept_in_sets(shared):
    held = dict(
        user_id="@a:b",
        state="online",
        last_active_ts=1,
        last_federation_update_ts=2,
        last_user_sync_ts=3,
        status_msg=None,
        currently_active=True,
    )
    module = shared.load(
        "probe.Probe",
        {"presence_router": {"get_users_for_states": "{'@c:d': set(args[0])}", "get_interested_users": "{args[0]}"}},
    )
    answer = module.call("get_users_for_states", [{"$presence": held}, {"$presence": held}])
    assert answer == {"@c:d": {"$set": [{"$presence": held}]}}
    assert module.call("get_interested_users", "@a:b") == {"$set": ["@a:b"]}


def test_a_file_is_read_where_it_lies(shared, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 40000)
    expression = "await (lambda chunks: args[0].write_chunks_to(chunks.append))(self.__dict__.setdefault('chunks', []))"
    module = shared.load(
        "probe.Probe",
        {"spam_checker": {"check_media_file_for_spam": expression, "user_may_invite": "[len(one) for one in self.chunks]"}},
    )
    info = {"$file_info": {"server_name": None, "file_id": "abc", "thumbnail": None}}
    module.call("check_media_file_for_spam", {"$file": {"path": str(path)}}, info)
    assert module.call("user_may_invite", "a", "b", "c") == [16384, 16384, 7232]


def test_what_is_known_of_a_file(shared):
    thumbnail = {"width": 32, "height": 24, "method": "crop", "type": "image/png", "length": 9}
    info = {"$file_info": {"server_name": "x", "file_id": "abc", "thumbnail": thumbnail}}
    expression = "[args[1].server_name, args[1].file_id, args[1].thumbnail_width, args[1].thumbnail.type, args[1].url_cache]"
    answer = given(shared, "spam_checker", "check_media_file_for_spam", expression, {"$file": {"path": "/nothing"}}, info)
    assert answer["result"] == ["x", "abc", 32, "image/png", False]


def test_account_data_that_nobody_may_change(shared):
    with pytest.raises(Refused) as refused:
        given(shared, "account_data", "on_account_data_updated", "args[3].update(a=1)", "@a:b", None, "t", {"$frozen": {}})
    assert refused.value.error["class"] == "TypeError"


class TestState:
    def wire(self, type, state_key, **content):
        return event(type=type, state_key=state_key, content=content)["$event"]

    def test_a_key_that_came_along_is_no_question(self, shared):
        shared.state[1] = []
        rules = self.wire("m.room.join_rules", "", join_rule="public")
        known = [["m.room.join_rules", "", rules], ["m.room.topic", "", None]]
        before = len(shared.questions)
        expression = "[args[1].get(('m.room.join_rules', '')).content['join_rule'], args[1].get(('m.room.topic', ''))]"
        answer = given(shared, "third_party_rules", "check_event_allowed", expression, event(), state(1, known=known))
        assert answer["result"] == ["public", None]
        assert len(shared.questions) == before

    def test_another_key_is_one_question(self, shared):
        shared.state[2] = [self.wire("m.room.topic", "", topic="tea")]
        expression = "[args[1][('m.room.topic', '')].content['topic'] for _ in range(3)] + [args[1].get(('none', ''))]"
        before = len(shared.questions)
        answer = given(shared, "third_party_rules", "on_new_event", expression, event(), state(2))
        assert answer["result"] == ["tea", "tea", "tea", None]
        assert [one["do"] for one in shared.questions[before:]] == ["state", "state"]

    def test_going_through_it_asks_for_everything_once(self, shared):
        shared.state[3] = [self.wire("m.room.member", "@%d:x" % number, membership="join") for number in range(3)]
        expression = "[[k[1] for k, v in args[1].items() if v.membership == 'join'], len(args[1]), len(args[1].copy())]"
        before = len(shared.questions)
        answer = given(shared, "third_party_rules", "on_new_event", expression, event(), state(3))
        assert answer["result"] == [["@0:x", "@1:x", "@2:x"], 3, 3]
        assert [one["do"] for one in shared.questions[before:]] == ["state_all"]


class TestNumberOfArguments:
    def load(self, package, function):
        text = "class Module:\n    def __init__(self, config, api):\n        api.register_spam_checker_callbacks(%s)\n"
        return package("counting", text % function)

    def test_a_callback_with_fewer_gets_as_many_as_it_takes(self, package):
        host = self.load(package, "check_username_for_spam=lambda profile: profile['user_id'] == '@a:b'")
        module = host.load("counting.Module")
        assert module.registered("check_username_for_spam")["parameters"] == 1
        profile = {"$user_profile": {"user_id": "@a:b", "display_name": None, "avatar_url": None}}
        assert module.call("check_username_for_spam", profile, "@requester:b") is True

    def test_a_callback_that_requires_what_came_later_gets_it(self, package):
        host = self.load(package, "check_username_for_spam=lambda profile, requester_id: requester_id")
        module = host.load("counting.Module")
        assert module.registered("check_username_for_spam")["parameters"] == 2
        assert module.call("check_username_for_spam", {"$user_profile": {"user_id": "@a:b"}}, "@r:b") == "@r:b"

    def test_optional_arguments_count(self, package):
        host = self.load(package, "user_may_create_room=lambda user, room_config=None: room_config")
        module = host.load("counting.Module")
        assert module.call("user_may_create_room", "@a:b", {"$json": {"name": "x"}}) == {"name": "x"}

    def test_a_callback_that_takes_too_few_or_needs_too_many_is_refused_at_load(self, package):
        host = self.load(package, "user_may_invite=lambda inviter, invitee: True")
        with pytest.raises(Refused) as refused:
            host.load("counting.Module")
        assert "user_may_invite takes 2 arguments, and is called with 3" in refused.value.error["text"]

    def test_a_callback_that_needs_too_many(self, package):
        host = self.load(package, "check_event_for_spam=lambda event, state: True")
        with pytest.raises(Refused) as refused:
            host.load("counting.Module")
        assert "check_event_for_spam takes at least 2 arguments, and is called with 1" in refused.value.error["text"]
