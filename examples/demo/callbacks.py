"""All callbacks, fired by real operations of the reference homeserver with the probe module.

Each row of ROWS names a callback, the operation that fires it, the test that holds it to its contract, and what `operate` does. The
proof is what the probe's journal says of it, or, for the three that it doesn't journal, the response that shows it.
"""

import json
import time

from server import Failed
from signing_peer import SigningPeer, event_id
from tour import CLIENT

SERVER_NAME = "localhost"
SECRET = "only for this run"
PASSWORD = "pw of this run"
ADMIN = "/_synapse/admin/v1"
JOURNAL = "/_synapse/client/probe/a"
LONGEST_WAIT = 20  # seconds
CONFIGURATION = """server_name: localhost
%s
enable_registration: true
enable_registration_without_verification: true
registration_shared_secret: %s
email: {sink_path: mails.jsonl}
background_updates: {sleep_enabled: false}
module_path: %s
modules: [{module: probe.Probe, config: {name: a, updates: true}}]
"""


class World:
    """The server and who is on it."""

    def __init__(self, server, peer):
        self.server, self.peer = server, peer
        self.tokens, self.number = {}, 0

    def user(self, name):
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        self.tokens[name] = self.server.expect_ok("POST", CLIENT + "/register", body)["access_token"]

    def prepare(self):
        for name in ("alice", "bob", "expired1", "watcher1"):
            self.user(name)
        self.tokens["root"] = self.server.register_admin("root", PASSWORD, SECRET)
        self.room = self.create_room(preset="public_chat")
        self.send_to(self.room, "hello")

    def by(self, user, method, path, body=None):
        return self.server.expect_ok(method, CLIENT + path, body, self.tokens[user])

    def fresh(self, name):
        self.number += 1
        return name + str(self.number)

    def create_room(self, **body):
        return self.by("alice", "POST", "/createRoom", body)["room_id"]

    def send_to(self, room, text):
        body = {"msgtype": "m.text", "body": text}
        return self.by("alice", "PUT", "/rooms/%s/send/m.room.message/%s" % (room, self.fresh("t")), body)

    def register(self):
        name = self.fresh("newcomer")
        self.user(name)
        return name

    def log_in(self, user="alice", **body):
        body = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": user}, **body}
        return self.server.expect_ok("POST", CLIENT + "/login", body)

    def request_token(self, address):
        body = {"client_secret": "secret", "send_attempt": 1, "email": address}
        return self.server.expect_ok("POST", CLIENT + "/account/3pid/email/requestToken", body)["sid"]

    def add_address(self):
        """By the code that the mail would have brought; gives the address."""
        address = self.fresh("alice") + "@example.org"
        sid = self.request_token(address)
        mails = [json.loads(line) for line in (self.server.folder / "mails.jsonl").read_text().splitlines()]
        code = next(mail["token"] for mail in mails if mail["sid"] == sid)
        proof = {"sid": sid, "client_secret": "secret"}
        self.server.expect_ok("POST", "/_matrix/client/unstable/add_threepid/email/submit_token", {**proof, "token": code})
        auth = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": "alice"}}
        self.by("alice", "POST", "/account/3pid/add", {**proof, "auth": auth})
        return address

    def delete_address(self):
        self.by("alice", "POST", "/account/3pid/delete", {"medium": "email", "address": self.add_address()})

    def invite_address(self):
        body = {"medium": "email", "address": self.fresh("somebody") + "@example.org", "id_server": SERVER_NAME}
        self.by("alice", "POST", "/rooms/%s/invite" % self.room, body)

    def publish(self):
        self.by("alice", "PUT", "/directory/list/room/" + self.room, {"visibility": "public"})

    def deactivate(self):
        self.server.expect_ok("POST", ADMIN + "/deactivate/@%s:%s" % (self.register(), SERVER_NAME), {}, self.tokens["root"])

    def go_online(self):
        self.by("alice", "PUT", "/presence/@alice:%s/status" % SERVER_NAME, {"presence": "online"})

    def search_for_users(self):
        self.by("bob", "POST", "/join/" + self.room, {})
        self.by("alice", "POST", "/user_directory/search", {"search_term": "bob"})

    def upload(self):
        self.server.expect_ok("POST", "/_matrix/media/v3/upload", {"some": "bytes"}, self.tokens["alice"])

    def upload_too_much(self):
        self.user("limited")
        for _ in range(2):
            self.server.request("POST", "/_matrix/media/v3/upload", {"some": "x" * 800}, self.tokens["limited"])

    def receive_invite(self):
        room = "!%s:peer.test" % self.fresh("outside")
        invite = self.peer.invite(room, "@alice:" + SERVER_NAME)
        path = "/_matrix/federation/v2/invite/%s/%s" % (room, event_id(invite))
        content = {"room_version": "10", "invite_room_state": [], "event": invite}
        authorization = self.peer.authorization("PUT", path, SERVER_NAME, content)
        self.server.expect_ok("PUT", path, content, authorization=authorization)

    def receive(self):
        path = "/_matrix/federation/v1/send/" + self.fresh("transaction")
        content = {"origin": "peer.test", "origin_server_ts": 1700000000000, "pdus": [self.peer.message(self.room, "drop me")]}
        authorization = self.peer.authorization("PUT", path, SERVER_NAME, content)
        self.server.expect_ok("PUT", path, content, authorization=authorization)

    def count_rooms(self):
        for _ in range(12):  # more than the first batch takes
            self.create_room()
        self.server.expect_ok("POST", ADMIN + "/background_updates/start_job", {"job_name": "populate_stats_process_rooms"},
                              self.tokens["root"])

    # The three that the journal doesn't hold: what shows them.

    def unsigned_of_a_message(self):
        answer = self.by("alice", "GET", "/rooms/%s/messages?dir=b&limit=1" % self.room)
        found = {key: value for key, value in answer["chunk"][0]["unsigned"].items() if key.startswith("org.example.")}
        return found or None

    def refusal_of_an_expired_account(self):
        _, answer = self.server.request("GET", CLIENT + "/account/whoami", None, self.tokens["expired1"])
        return answer if answer.get("errcode") == "ORG_MATRIX_EXPIRED_ACCOUNT" else None

    def presence_that_a_watcher_sees(self):
        self.go_online()
        events = self.by("watcher1", "GET", "/sync")["presence"]["events"]
        return next((event for event in events if event["sender"] == "@alice:" + SERVER_NAME), None)


def contract(callback):
    return "*ContractTest*/" + callback


UPDATES = "BackgroundUpdateTest.AJobAsksTheControllerBeforeEachBatchAndForBothSizes"
FEDERATION = "FederationTest.WhatModulesDropIsDroppedSilently"
INVITES = "FederatedInviteTest.ModulesMayRefuseItForTheWholeEventAndNobodyIsAskedAboutTheUsersThen"

# callback, operation, test, what does it
ROWS = [
    ("on_account_data_updated", "PUT /user/{user}/account_data/{type}", None,
     lambda world: world.by("alice", "PUT", "/user/@alice:localhost/account_data/org.example.color", {"is": "green"})),
    ("is_user_expired", "any request with an access token", None, World.refusal_of_an_expired_account),
    ("on_user_registration", "POST /register", None, World.register),
    ("on_user_login", "POST /login", None, World.log_in),
    ("add_field_to_unsigned", "GET /rooms/{room}/messages", None, World.unsigned_of_a_message),
    ("on_update", "a background update, before each batch", UPDATES, World.count_rooms),
    ("default_batch_size", "a background update, its first batch", UPDATES, World.count_rooms),
    ("min_batch_size", "a background update, every other batch", UPDATES, World.count_rooms),
    ("auth_checkers", "POST /login with a type of the module's", None,
     lambda world: world.log_in(type="org.example.probe", token="open sesame")),
    ("check_3pid_auth", "POST /login with an address", None,
     lambda world: world.log_in(password="probe-password", identifier={
         "type": "m.id.thirdparty", "medium": "email", "address": "alice@probe.example"})),
    ("on_logged_out", "POST /logout", None,
     lambda world: world.server.expect_ok("POST", CLIENT + "/logout", {}, world.log_in()["access_token"])),
    ("get_username_for_registration", "POST /register", None, World.register),
    ("get_displayname_for_registration", "POST /register", None, World.register),
    ("is_3pid_allowed", "POST /account/3pid/email/requestToken", None,
     lambda world: world.request_token(world.fresh("alice") + "@example.org")),
    ("get_users_for_states", "PUT /presence/{user}/status", None, World.go_online),
    ("get_interested_users", "GET /sync", None, World.presence_that_a_watcher_sees),
    ("check_event_for_spam", "PUT /rooms/{room}/send/{type}/{txn}", None, lambda world: world.send_to(world.room, "hello")),
    ("user_may_join_room", "POST /join/{room}", None, lambda world: world.by("bob", "POST", "/join/" + world.create_room(
        preset="public_chat"), {})),
    ("user_may_invite", "POST /rooms/{room}/invite", None, lambda world: world.by(
        "alice", "POST", "/rooms/%s/invite" % world.create_room(), {"user_id": "@bob:localhost"})),
    ("user_may_send_3pid_invite", "POST /rooms/{room}/invite with an address", None, World.invite_address),
    ("user_may_create_room", "POST /createRoom", None, World.create_room),
    ("user_may_create_room_alias", "PUT /directory/room/{alias}", None, lambda world: world.by(
        "alice", "PUT", "/directory/room/%23" + world.fresh("alias") + ":localhost", {"room_id": world.room})),
    ("user_may_publish_room", "PUT /directory/list/room/{room}", None, World.publish),
    ("check_username_for_spam", "POST /user_directory/search", None, World.search_for_users),
    ("check_registration_for_spam", "POST /register", None, World.register),
    ("check_media_file_for_spam", "POST /_matrix/media/v3/upload", None, World.upload),
    ("should_drop_federated_event", "PUT /_matrix/federation/v1/send/{txn}", FEDERATION, World.receive),
    ("check_login_for_spam", "POST /login", None, World.log_in),
    ("federated_user_may_invite", "PUT /_matrix/federation/v2/invite/{room}/{event}", INVITES, World.receive_invite),
    ("user_may_send_state_event", "PUT /rooms/{room}/state/{type}", None, lambda world: world.by(
        "alice", "PUT", "/rooms/%s/state/m.room.topic" % world.room, {"topic": "Roses"})),
    ("get_media_config_for_user", "GET /_matrix/client/v1/media/config", None, lambda world: world.server.expect_ok(
        "GET", "/_matrix/client/v1/media/config", None, world.tokens["alice"])),
    ("is_user_allowed_to_upload_media_of_size", "POST /_matrix/media/v3/upload", None, World.upload),
    ("get_media_upload_limits_for_user", "POST /_matrix/media/v3/upload", None, World.upload),
    ("on_media_upload_limit_exceeded", "POST /_matrix/media/v3/upload, too much", None, World.upload_too_much),
    ("get_ratelimit_override_for_user", "POST /rooms/{room}/invite", None, lambda world: world.by(
        "alice", "POST", "/rooms/%s/invite" % world.create_room(), {"user_id": "@bob:localhost"})),
    ("check_event_allowed", "PUT /rooms/{room}/send/{type}/{txn}", None, lambda world: world.send_to(world.room, "hello")),
    ("on_create_room", "POST /createRoom", None, World.create_room),
    ("check_threepid_can_be_invited", "POST /rooms/{room}/invite with an address", None, World.invite_address),
    ("check_visibility_can_be_modified", "PUT /directory/list/room/{room}", None, World.publish),
    ("on_new_event", "PUT /rooms/{room}/send/{type}/{txn}", None, lambda world: world.send_to(world.room, "hello")),
    ("check_can_shutdown_room", "DELETE /_synapse/admin/v1/rooms/{room}", None, lambda world: world.server.expect_ok(
        "DELETE", ADMIN + "/rooms/" + world.create_room(), {}, world.tokens["root"])),
    ("check_can_deactivate_user", "POST /_synapse/admin/v1/deactivate/{user}", None, World.deactivate),
    ("on_profile_update", "PUT /profile/{user}/displayname", None, lambda world: world.by(
        "alice", "PUT", "/profile/@alice:localhost/displayname", {"displayname": "Alice"})),
    ("on_user_deactivation_status_changed", "POST /_synapse/admin/v1/deactivate/{user}", None, World.deactivate),
    ("on_threepid_bind", "POST /account/3pid/add", None, World.add_address),
    ("on_add_user_third_party_identifier", "POST /account/3pid/add", None, World.add_address),
    ("on_remove_user_third_party_identifier", "POST /account/3pid/delete", None, World.delete_address),
]
WITHOUT_JOURNAL = {"is_user_expired", "add_field_to_unsigned", "get_interested_users"}
JOURNALLED_AS = {"auth_checkers": "check_auth"}


def table_row(callback, operation, test):
    return "| `%s` | %s | `%s` |" % (callback, operation, test or contract(callback))


def journal_line(server, callback):
    """What the probe says of the callback; waits for what runs behind the answer."""
    until = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < until:
        for each in server.each():
            for record in each.expect_ok("GET", JOURNAL)["journal"]:
                if record["callback"] == callback:
                    return record
        time.sleep(0.01)
    return None


def proof_of(world, callback, operate, is_done):
    """`is_done`: the row before did the same, and the journal still holds what came of it."""
    try:
        if callback in WITHOUT_JOURNAL:
            return operate(world)
        if not is_done:
            for each in world.server.each():
                each.expect_ok("GET", JOURNAL + "?clear=1")
            operate(world)
        return journal_line(world.server, JOURNALLED_AS.get(callback, callback))
    except Failed as failure:
        print("| %s |" % failure)
        return None


def drive_all(world):
    print("| callback | operation | test | proof |\n|---|---|---|---|")
    missing, done = [], None
    for callback, operation, test, operate in ROWS:
        proof = proof_of(world, callback, operate, operate is done)
        done = operate
        if proof is None:
            missing.append(callback)
        print("%s %s |" % (table_row(callback, operation, test), "**missing**" if proof is None else "`%s`" % json.dumps(proof)),
              flush=True)
    return missing


def show(server):
    """The exit status. With several processes the operations go through their balancer, and what their journals say counts together."""
    peer = SigningPeer(server.folder)
    server.configuration.write_text(CONFIGURATION % (server.place, SECRET, server.build / "modules") + peer.configuration)
    server.start()
    world = World(server, peer)
    world.prepare()
    missing = drive_all(world)
    status = server.stop()
    print("\n%d of %d callbacks fired" % (len(ROWS) - len(missing), len(ROWS)))
    for callback in missing:
        print("missing: " + callback)
    return 0 if not missing and status == 0 else 1
