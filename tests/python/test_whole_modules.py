"""Modules as they are published, written for these tests: each with all that its feature needs, from first to last."""

import time

import pytest
from bridge_host import PACKAGES, Fails, Host, Refused, event, state


class TestExpiring:
    @pytest.fixture
    def expiring(self, host):
        host.mails = []
        host.operations.update(
            {
                "get_profile_for_user": lambda arguments: {"$profile": {"display_name": "<A>", "avatar_url": None}},
                "get_threepids_for_user": lambda arguments: [
                    {"medium": "email", "address": "a@x", "validated_at": 1, "added_at": 1}
                ],
                "send_mail": lambda arguments: host.mails.append(arguments),
                "invalidate_cache": lambda arguments: None,
                "is_user_admin": lambda arguments: arguments["user_id"] == "@admin:x",
                "get_user_by_req": self.requester,
            }
        )
        return self.built(host, "expiring.Expiring")

    def built(self, host, module):
        """The module, when its table is there, which it makes in the background."""
        loaded = host.load(module, {"period": "1d"})
        while not host.sql("SELECT 1 FROM sqlite_master WHERE name = 'expiring'"):
            host.request("ping")
        return loaded

    def requester(self, arguments):
        tokens = [value for name, value in arguments["request"]["headers"] if name.lower() == "authorization"]
        if not tokens:
            raise Fails(
                kind="synapse",
                status=401,
                errcode="M_MISSING_TOKEN",
                error="Missing access token",
                **{"class": "MissingClientTokenError"},
            )
        return {"$requester": {"user": tokens[0].replace("Bearer ", "")}}

    def test_an_account_from_its_registration_to_its_renewal(self, expiring, host):
        assert expiring.described["placeholders"] == [] and expiring.described["cached"][0]["parts"] == 1
        assert expiring.call("is_user_expired", "@a:x") is None
        before = int(time.time() * 1000)
        assert expiring.call("on_user_registration", "@a:x") is None
        assert expiring.call("is_user_expired", "@a:x") is False
        [(expires,)] = host.sql("SELECT expires FROM expiring")
        assert 86400000 <= expires - before < 86400000 + 60000
        host.sql("UPDATE expiring SET token = 'secret'")
        page = host.web("GET", "/_synapse/client/expiring/renew?token=secret")
        assert (page.status, page.text) == (200, "<p>until %d</p>" % (expires + 86400000))
        page = host.web("GET", "/_synapse/client/expiring/renew?token=wrong")
        assert page.status == 400 and "Invalid token" in page.text

    def test_an_administrator_ends_it(self, expiring, host):
        path = "/_synapse/client/expiring/admin"
        body = '{"user_id": "@a:x", "expires": 1}'
        assert host.web("POST", path, body).status == 401
        assert host.web("POST", path, body, {"Authorization": "Bearer @a:x"}).status == 403
        assert host.web("POST", path, "[]", {"Authorization": "Bearer @admin:x"}).json()["errcode"] == "M_BAD_JSON"
        assert host.web("GET", path).status == 405
        assert host.web("POST", path, body, {"Authorization": "Bearer @admin:x"}).json() == {"expires": 1}
        assert expiring.call("is_user_expired", "@a:x") is True
        assert host.asked[-1]["arguments"] == {"function": "expiring.expiry_of", "key": ["@a:x"]}

    def test_mails_are_written_of_templates(self, host, expiring):
        text = """
from expiring import Expiring
class Sending(Expiring):
    def __init__(self, config, api):
        super().__init__(config, api)
        api.register_account_data_callbacks(on_account_data_updated=self.send)
    async def send(self, *args):
        await self.send_mails()
"""
        (host.directory / "sending.py").write_text(text)
        other = Host(path=[str(PACKAGES), str(host.directory)])
        other.operations.update(host.operations)
        sending = self.built(other, "sending.Sending")
        sending.call("on_user_registration", "@a:x")
        sending.call("on_account_data_updated", "@a:x", None, "t", {})
        [mail] = host.mails
        assert (mail["recipient"], mail["subject"]) == ("a@x", "Renew Example")
        assert mail["html"].startswith("<p>&lt;A&gt;: " + mail["text"]) and len(mail["text"]) == 32
        sending.call("on_account_data_updated", "@a:x", None, "t", {})
        assert len(host.mails) == 1
        other.close()

    def test_a_configuration_that_lacks_something(self, host):
        with pytest.raises(Refused) as refused:
            host.load("expiring.Expiring", {})
        assert refused.value.error == {"kind": "config", "text": "'period' is required", "path": ["period"]}


class TestListedRules:
    @pytest.fixture
    def rules(self, host):
        rule = event(type="m.policy.rule.user", state_key="r", content={"entity": "@*:evil.example"})
        host.operations["get_state_events_in_room"] = lambda arguments: [rule]
        return host.load("listed_rules.ListedRules", {"rooms": ["!list:x"]})

    def test_rules_of_a_room_are_read_once_and_again_when_it_changes(self, rules, host):
        assert rules.call("user_may_invite", "@a:evil.example", "@b:x", "!r:x") is False
        assert rules.call("user_may_invite", "@a:x", "@b:x", "!r:x") is True
        assert rules.call("check_event_for_spam", event(sender="@a:EVIL.example")) is True
        assert rules.call("check_username_for_spam", {"$user_profile": {"user_id": "@a:evil.example"}}, "@searching:x") is True
        assert len(host.asked) == 1
        host.state[1] = []
        changed = event(type="m.policy.rule.user", state_key="r", room_id="!list:x", content={})
        host.operations["get_state_events_in_room"] = lambda arguments: []
        assert rules.call("on_new_event", changed, state(1)) is None
        assert rules.call("user_may_invite", "@a:evil.example", "@b:x", "!r:x") is True

    def test_an_event_is_allowed_by_the_rooms_state(self, rules, host):
        def wire(type, state_key, **content):
            return event(type=type, state_key=state_key, content=content)["$event"]

        host.state[1] = [wire("m.room.member", "@%d:x" % number, membership="join") for number in range(2)]
        public = event(type="m.room.join_rules", state_key="", content={"join_rule": "public"}, frozen=True)
        assert rules.call("check_event_allowed", public, state(1)) == {"$tuple": [False, None]}
        host.state[1].append(wire("m.room.power_levels", ""))
        assert rules.call("check_event_allowed", public, state(1)) == {"$tuple": [True, None]}
        host.state[1].append(wire("m.room.member", "@3:x", membership="join"))
        assert rules.call("check_event_allowed", public, state(1)) == {"$tuple": [False, None]}

    def test_an_event_is_replaced_although_it_is_frozen(self, rules):
        answer = rules.call(
            "check_event_allowed", event(content={"body": "forbidden", "x": [1]}, frozen=True), state(1, complete=True)
        )
        allowed, replaced = answer["$tuple"]
        assert allowed is True and replaced["content"] == {"body": "***", "x": [1]} and "event_id" not in replaced

    def test_an_error_reaches_the_client(self, rules):
        with pytest.raises(Refused) as refused:
            rules.call("check_event_allowed", event(sender="@a:evil.example"), state(1, complete=True))
        assert refused.value.error["status"] == 403

    def test_a_room_that_is_made_is_changed_or_refused(self, rules):
        requester = {"$requester": {"user": "@alice:x"}}
        answer = rules.message("on_create_room", requester, {"$mutable": {"name": "n"}}, False)
        assert answer["changed"] == {"1": {"name": "n", "initial_state": [{"type": "org.example", "content": {}}]}}
        with pytest.raises(Refused) as refused:
            rules.call("on_create_room", requester, {"$mutable": {"preset": "public_chat"}}, False)
        assert refused.value.error["error"] == "alice may make no public rooms"

    def test_invites_are_accepted(self, rules, host):
        host.operations["update_room_membership"] = lambda arguments: event(type="m.room.member")
        invite = event(type="m.room.member", state_key="@bob:example.org", content={"membership": "invite"})
        rules.call("on_new_event", invite, state(1, complete=True))
        assert host.asked[-1]["arguments"]["new_membership"] == "join"


class TestRemoteLogin:
    @pytest.fixture
    def login(self, host):
        host.operations.update(
            {
                "http_client.post_json_get_json": lambda arguments: {"$json": {"name": "Alice", "emails": ["a@x"]}},
                "check_user_exists": lambda arguments: None,
                "register_user": lambda arguments: "@alice:example.org",
                "internal.set_profile_displayname": lambda arguments: None,
                "internal.get_user_id_by_threepid": lambda arguments: None,
                "internal.add_threepid": lambda arguments: None,
                "http_client.request": lambda arguments: {"status": 204, "phrase": "", "headers": [], "body": {"$bytes": ""}},
            }
        )
        return host.load("remote_login.RemoteLogin", {"endpoint": "http://localhost/"})

    def check(self, login, **fields):
        kind = "m.login.password" if "password" in fields else "org.example.thread"
        return login.call("auth_checkers", "alice", kind, fields, key=[kind, list(fields)])

    def test_an_account_is_made_at_the_first_login(self, login, host):
        answer = self.check(login, password="secret")
        assert [one["member"] for one in host.asked] == [
            "http_client.post_json_get_json",
            "check_user_exists",
            "register_user",
            "internal.set_profile_displayname",
            "internal.get_user_id_by_threepid",
            "internal.add_threepid",
        ]
        assert host.asked[0]["arguments"]["headers"] == [["X-Kind", "login"]]
        assert {one["call"] for one in host.asked} == {"call of auth_checkers"}
        user_id, handle = answer["$tuple"]
        response = host.request("respond", entry=login.entry, handle=handle["$handle"], call="c", response={"user_id": user_id})
        assert response["well_known"] == {"m.homeserver": {"base_url": "https://example.org/"}}

    def test_what_the_service_refuses(self, login, host):
        def refuses(arguments):
            raise Fails(kind="http_response", status=403, message="Forbidden", headers={}, body="eyJlcnJvciI6ICJubyJ9")

        host.operations["http_client.post_json_get_json"] = refuses
        assert self.check(login, password="secret") is None
        assert host.logged("403 no")["logger"] == "remote_login"

    def test_a_blocking_check_runs_in_a_thread(self, login):
        assert self.check(login, pin="1234") == {"$tuple": ["@alice:example.org", None]}
        assert self.check(login, pin="0") is None

    def test_the_reactor_runs_while_modules_are_built(self, login, host):
        assert host.logged("remote login is ready")

    def test_the_rest_of_its_callbacks(self, login, host):
        assert login.call("on_logged_out", "@a:x", None, "token") is None
        assert host.asked[-1]["arguments"]["method"] == "DELETE"
        assert login.call("get_username_for_registration", {}, {"username": "a"}) == "user_a"
        assert login.call("is_3pid_allowed", "email", "a@example.org", True) is True
