"""What clients, an operator and another server ask of a server with two probes, one after the other: every endpoint, and of the probes'
answers each kind. What it came to is recorded; of what is another one in each run only that it is the same as before."""

import json
import re
import urllib.parse

CLIENT = "/_matrix/client/v3"
ADMIN = "/_synapse/admin"
PASSWORD = "pw of this run"
# Different in each run, and nothing that two servers would have to agree about.
MASKED = {"access_token", "added_at", "age", "age_ts", "auth_events", "device_id", "end", "from", "hashes", "last_active_ago",
          "last_seen_ip", "last_seen_ts", "login_token", "next_batch", "nonce", "origin_server_ts", "prev_batch", "prev_events", "session",
          "sid", "signatures", "start", "ts", "unused_expires_at", "valid_until_ts", "validated_at", "verify_keys"}
IN_ANY_ORDER = {"joined_rooms"}  # theirs is that of the ids
IDENTIFIER = re.compile(r"\$[A-Za-z0-9_-]{43}|![A-Za-z0-9]{18}:[a-z.]+|(?<=localhost/)[A-Za-z0-9]{24}")


def quoted(text):
    return urllib.parse.quote(text, safe="")


class Recorder:
    """Does one thing after the other, by whom the answers' ids are known."""

    def __init__(self, server, peer):
        self.server, self.peer = server, peer
        self.tokens, self.records, self.names = {}, [], {}

    def name_of(self, found):
        kind = found.group(0)[0] if found.group(0)[0] in "!$" else "media"
        return self.names.setdefault(found.group(0), "%s%d" % (kind, len(self.names)))

    def comparable(self, value, key=None):
        if key in MASKED:
            return "..."
        if isinstance(value, dict):
            return {IDENTIFIER.sub(self.name_of, name): self.comparable(content, name) for name, content in sorted(value.items())}
        if isinstance(value, list):
            found = [self.comparable(content) for content in value]
            return sorted(found) if key in IN_ANY_ORDER else found
        return IDENTIFIER.sub(self.name_of, value) if isinstance(value, str) else value

    def ask(self, who, method, path, body=None, authorization=None):
        """The answer's JSON, whatever it is."""
        status, answer = self.server.request(method, path, body, self.tokens.get(who), authorization)
        shown = "%s: %s %s" % (who or "nobody", method, IDENTIFIER.sub(self.name_of, urllib.parse.unquote(path)))
        self.records.append((re.sub(r"since=\w+", "since=...", shown), status, self.comparable(answer)))
        return answer

    def by(self, who, method, path, body=None):
        return self.ask(who, method, CLIENT + path, body)

    def register(self, name, **more):
        body = {"username": name, "password": PASSWORD, "device_id": "D_" + name, "auth": {"type": "m.login.dummy"}, **more}
        answer = self.by(None, "POST", "/register", body)
        if "access_token" in answer:
            self.tokens[name] = answer["access_token"]
        return answer

    def log_in(self, name, as_what=None, **body):
        body = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": name}, **body}
        answer = self.by(None, "POST", "/login", body)
        if as_what and "access_token" in answer:
            self.tokens[as_what] = answer["access_token"]
        return answer

    def send(self, who, room, text, transaction=None):
        path = "/rooms/%s/send/m.room.message/%s" % (room, quoted(transaction or text))
        return self.by(who, "PUT", path, {"msgtype": "m.text", "body": text})

    def create_room(self, who, **body):
        return self.by(who, "POST", "/createRoom", body).get("room_id")


def user(name):
    return "@%s:localhost" % name


def accounts(do):
    do.by(None, "GET", "/register/available?username=alice")
    do.by(None, "POST", "/register", {"username": "alice", "password": PASSWORD})
    for name in ("alice", "bob", "carol", "expired1", "valid1", "watcher1", "star1", "fan", "nojoin1", "noinvite1", "nocreate1",
                 "hidden1", "denied1", "shadow1", "nodeactivate1", "noshutdown1"):
        do.register(name)
    do.by(None, "GET", "/register/available?username=alice")
    do.register("alice")
    do.register("Not A Name")
    # In two requests: the session is another process's by then.
    session = do.by(None, "POST", "/register", {"username": "dave", "password": PASSWORD})["session"]
    do.register("dave", auth={"type": "m.login.dummy", "session": session})
    do.register("erin", auth={"type": "m.login.dummy", "session": session})
    do.by(None, "POST", "/register", {"auth": {"type": "m.login.dummy"}, "password": PASSWORD, "device_id": "X",
                                      "org.example.username": "chosen", "org.example.displayname": "Chosen One"})
    do.by(None, "POST", "/register", {"auth": {"type": "m.login.dummy"}, "password": PASSWORD, "org.example.username": "explode"})
    for name in ("alice", "expired1", "valid1", "chosen", None):
        do.by(name, "GET", "/account/whoami")


def sessions(do):
    do.by(None, "GET", "/login")
    do.log_in("bob", "bob2", device_id="SECOND", initial_device_display_name="second")
    do.log_in("bob", initial_device_display_name="bad device")
    do.log_in("bob", password="wrong")
    do.log_in("nobody")
    do.log_in("bob", password="probe-password", device_id="THIRD")
    do.log_in("bob", type="org.example.probe", token="open sesame", device_id="FOURTH")
    do.log_in("bob", type="org.example.probe", token="wrong")
    do.log_in("bob", type="org.example.unknown")
    do.log_in("bob", password="probe-password", identifier={"type": "m.id.thirdparty", "medium": "email", "address": "bob@probe.example"})
    do.by("bob", "GET", "/devices/SECOND")
    do.by("bob", "PUT", "/devices/SECOND", {"display_name": "renamed"})
    do.by("bob2", "GET", "/devices/SECOND")
    session = do.by("bob", "POST", "/delete_devices", {"devices": ["THIRD"]})["session"]
    auth = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": "bob"}, "session": session}
    do.by("bob", "POST", "/delete_devices", {"devices": ["FOURTH"], "auth": auth})  # another operation than the session is of
    do.by("bob", "POST", "/delete_devices", {"devices": ["THIRD"], "auth": auth})
    do.by("bob", "DELETE", "/devices/FOURTH", {"auth": {**auth, "session": None}})
    do.by("bob2", "POST", "/logout", {})
    do.by("bob2", "GET", "/account/whoami")
    do.log_in("carol", "carol2", device_id="SECOND")
    do.by("carol2", "POST", "/logout/all", {})
    do.by("carol", "GET", "/account/whoami")
    do.log_in("carol", "carol", device_id="D_carol")
    token = do.ask("alice", "POST", "/_matrix/client/v1/login/get_token", {}).get("login_token")
    for _ in range(2):  # good once
        do.by(None, "POST", "/login", {"type": "m.login.token", "token": token, "device_id": "BY_TOKEN"})
    do.log_in("dave", "dave", device_id="D_dave")
    auth = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": "dave"}}
    do.by("dave", "POST", "/account/password", {"new_password": "another one", "auth": auth})
    do.log_in("dave", password=PASSWORD)
    do.log_in("dave", password="another one", device_id="NEW")


def profiles(do):
    do.by("alice", "PUT", "/profile/%s/displayname" % user("alice"), {"displayname": "Alice Liddell"})
    do.by("bob", "PUT", "/profile/%s/displayname" % user("alice"), {"displayname": "Mallory"})
    do.by("alice", "PUT", "/profile/%s/avatar_url" % user("alice"), {"avatar_url": "mxc://localhost/none"})
    for path in ("", "/displayname", "/avatar_url"):
        do.by("bob", "GET", "/profile/%s%s" % (user("alice"), path))
    do.by("alice", "PUT", "/user/%s/account_data/org.example.color" % user("alice"), {"is": "green"})
    do.by("alice", "GET", "/user/%s/account_data/org.example.color" % user("alice"))
    do.by("alice", "GET", "/user/%s/account_data/org.example.size" % user("alice"))
    do.by("bob", "GET", "/user/%s/account_data/org.example.color" % user("alice"))
    number = do.by("alice", "POST", "/user/%s/filter" % user("alice"), {"room": {"timeline": {"limit": 5}}}).get("filter_id")
    do.by("alice", "GET", "/user/%s/filter/%s" % (user("alice"), number))
    do.by("alice", "GET", "/user/%s/filter/999" % user("alice"))


def rooms(do):
    room = do.create_room("alice", preset="public_chat", name="Hall", topic="talk", room_alias_name="hall")
    for name in ("forbidden", "broken", "stamped"):
        do.create_room("alice", name=name)
    do.create_room("nocreate1", name="mine")
    private = do.create_room("alice", preset="private_chat", invite=[user("bob")])
    do.create_room("alice", room_version="1")
    for name in ("bob", "carol", "nojoin1", "star1"):
        do.by(name, "POST", "/join/" + room, {})
    do.by("bob", "POST", "/join/%23hall%3Alocalhost", {})
    do.by("bob", "POST", "/rooms/%s/join" % private, {})
    do.by("carol", "POST", "/rooms/%s/join" % private, {})
    do.by("alice", "POST", "/rooms/%s/invite" % private, {"user_id": user("noinvite1")})
    do.by("alice", "POST", "/rooms/%s/invite" % private, {"user_id": user("carol")})
    do.by("carol", "POST", "/rooms/%s/leave" % private, {})
    for address in ("noinvite@example.org", "unruly@example.org", "somebody@example.org"):
        do.by("alice", "POST", "/rooms/%s/invite" % private, {"medium": "email", "address": address, "id_server": "localhost"})
    for action in ("kick", "ban", "invite", "unban"):
        do.by("alice", "POST", "/rooms/%s/%s" % (private, action), {"user_id": user("bob"), "reason": "for the test"})
    do.by("bob", "POST", "/rooms/%s/forget" % private, {})
    do.by("alice", "GET", "/joined_rooms")
    do.by("alice", "GET", "/rooms/%s/members" % room)
    do.by("alice", "GET", "/rooms/%s/joined_members" % room)
    do.by("dave", "GET", "/rooms/%s/joined_members" % room)
    return room, private


def messages(do, room):
    for text in ("hello", "spam code", "spam consent", "spam fields", "spam text", "spam true", "spam throw", "spam error", "spam only b",
                 "deny rule", "replace rule", "throw rule", "error rule"):
        do.send("alice", room, text)
    first = do.send("alice", room, "once", "t1")
    do.send("alice", room, "once", "t1")
    do.send("dave", room, "I'm not in there")
    event = quoted(first["event_id"])
    do.by("bob", "GET", "/rooms/%s/event/%s" % (room, event))
    do.by("bob", "POST", "/rooms/%s/receipt/m.read/%s" % (room, event), {})
    do.by("bob", "POST", "/rooms/%s/read_markers" % room, {"m.fully_read": first["event_id"]})
    for _ in range(2):
        do.by("alice", "PUT", "/rooms/%s/redact/%s/r1" % (room, event), {"reason": "a mistake"})
    do.by("bob", "GET", "/rooms/%s/event/%s" % (room, event))
    do.by("alice", "PUT", "/rooms/%s/state/m.room.topic" % room, {"topic": "another one"})
    do.by("bob", "PUT", "/rooms/%s/state/m.room.topic" % room, {"topic": "not his"})
    do.by("alice", "PUT", "/rooms/%s/state/org.example.door/front" % room, {"open": True})
    for path in ("/state/m.room.topic", "/state/org.example.door/front", "/state/org.example.door/back", "/state", "/aliases"):
        do.by("bob", "GET", "/rooms/%s%s" % (room, path))
    page = do.by("bob", "GET", "/rooms/%s/messages?dir=b&limit=5" % room)
    do.by("bob", "GET", "/rooms/%s/messages?dir=b&limit=5&from=%s" % (room, page.get("end")))
    do.by("alice", "PUT", "/user/%s/rooms/%s/tags/u.work" % (user("alice"), room), {"order": 0.5})
    do.by("alice", "PUT", "/user/%s/rooms/%s/account_data/org.example.note" % (user("alice"), room), {"text": "here"})
    do.by("alice", "GET", "/user/%s/rooms/%s/tags" % (user("alice"), room))
    do.by("alice", "DELETE", "/user/%s/rooms/%s/tags/u.work" % (user("alice"), room))
    do.by("alice", "GET", "/user/%s/rooms/%s/account_data/org.example.note" % (user("alice"), room))


def directory(do, room):
    for alias in ("lounge", "noalias1", "lounge"):
        do.by("alice", "PUT", "/directory/room/%%23%s%%3Alocalhost" % alias, {"room_id": room})
    do.by("bob", "GET", "/directory/room/%23lounge%3Alocalhost")
    do.by("bob", "DELETE", "/directory/room/%23lounge%3Alocalhost")
    do.by("alice", "DELETE", "/directory/room/%23lounge%3Alocalhost")
    do.by("bob", "GET", "/directory/room/%23lounge%3Alocalhost")
    do.by("alice", "PUT", "/directory/list/room/" + room, {"visibility": "public"})
    do.by("bob", "GET", "/directory/list/room/" + room)
    unlisted = do.create_room("alice", preset="public_chat", topic="unlisted")
    do.by("alice", "PUT", "/directory/list/room/" + unlisted, {"visibility": "public"})
    theirs = do.create_room("nocreate1", preset="public_chat") or room
    do.by("nocreate1", "PUT", "/directory/list/room/" + theirs, {"visibility": "public"})
    do.by("bob", "GET", "/publicRooms")
    do.by("bob", "POST", "/publicRooms", {"filter": {"generic_search_term": "hall"}})
    do.by("alice", "POST", "/user_directory/search", {"search_term": "carol"})
    do.by("alice", "POST", "/user_directory/search", {"search_term": "hidden"})
    do.by("bob", "POST", "/user_directory/search", {"search_term": "liddell"})


def syncs(do, room):
    quiet = quoted(json.dumps({"presence": {"types": []}}))
    answer = do.by("bob", "GET", "/sync?filter=" + quiet)
    do.send("alice", room, "for the next sync")
    do.by("alice", "PUT", "/rooms/%s/state/m.room.name" % room, {"name": "Great Hall"})
    answer = do.by("bob", "GET", "/sync?filter=%s&since=%s" % (quiet, answer["next_batch"]))
    do.by("bob", "GET", "/sync?filter=%s&since=%s&timeout=0" % (quiet, answer["next_batch"]))
    only_presence = quoted(json.dumps({"room": {"rooms": []}}))
    do.by("star1", "PUT", "/presence/%s/status" % user("star1"), {"presence": "online", "status_msg": "shining"})
    do.by("bob", "GET", "/presence/%s/status" % user("star1"))
    for name in ("watcher1", "fan", "bob"):
        do.by(name, "GET", "/sync?filter=" + only_presence)


def pushes(do):
    do.by("alice", "GET", "/pushrules/")
    rule = "/pushrules/global/content/org.example.word"
    do.by("alice", "PUT", rule, {"pattern": "cake", "actions": ["notify"]})
    do.by("alice", "PUT", rule + "/enabled", {"enabled": False})
    for path in (rule, rule + "/enabled", rule + "/actions"):
        do.by("alice", "GET", path)
    do.by("alice", "DELETE", rule)
    do.by("alice", "GET", rule)
    pusher = {"app_id": "org.example", "pushkey": "key", "kind": "http", "app_display_name": "a", "device_display_name": "d", "lang": "en",
              "data": {"url": "http://push.invalid/_matrix/push/v1/notify"}}
    do.by("alice", "POST", "/pushers/set", pusher)
    do.by("alice", "GET", "/pushers")
    do.by("alice", "POST", "/pushers/set", {**pusher, "kind": None})
    do.by("alice", "GET", "/pushers")


def addresses(do):
    for address in ("alice@blocked.example", "alice@example.org"):
        sid = do.by("alice", "POST", "/account/3pid/email/requestToken", {"client_secret": "secret", "send_attempt": 1,
                                                                         "email": address}).get("sid")
    mails = [json.loads(line) for line in (do.server.folder / "mails.jsonl").read_text().splitlines()]
    code = next(mail["token"] for mail in mails if mail["sid"] == sid)
    proof = {"sid": sid, "client_secret": "secret"}
    auth = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": "alice"}}
    submit = "/_matrix/client/unstable/add_threepid/email/submit_token"
    do.ask(None, "POST", submit, {**proof, "token": "wrong"})
    do.by("alice", "POST", "/account/3pid/add", {**proof, "auth": auth})  # too early
    do.ask(None, "POST", submit, {**proof, "token": code})
    for _ in range(2):  # good once
        do.by("alice", "POST", "/account/3pid/add", {**proof, "auth": auth})
    do.by("alice", "GET", "/account/3pid")
    do.log_in("alice", identifier={"type": "m.id.thirdparty", "medium": "email", "address": "alice@example.org"}, device_id="MAIL")
    do.by("alice", "POST", "/account/3pid/delete", {"medium": "email", "address": "alice@example.org"})
    do.by("alice", "GET", "/account/3pid")


def other_server(do, room):
    path = "/_matrix/federation/v1/send/transaction1"
    content = {"origin": "peer.test", "origin_server_ts": 1700000000000, "pdus": [do.peer.message(room, "drop me")]}
    for _ in range(2):
        do.ask(None, "PUT", path, content, do.peer.authorization("PUT", path, "localhost", content))
    do.ask(None, "PUT", path, content)
    path = "/_matrix/federation/v1/make_join/%s/%s?ver=10" % (room, "@somebody:peer.test")
    do.ask(None, "GET", path, None, do.peer.authorization("GET", path, "localhost", {}))
    do.ask(None, "GET", "/_matrix/key/v2/server")


def administration(do, room):
    do.tokens["root"] = do.server.register_admin("root", PASSWORD, "only for this run")
    do.ask("alice", "GET", ADMIN + "/v2/users/" + user("bob"))
    do.ask("root", "GET", ADMIN + "/v2/users/" + user("bob"))
    do.ask("root", "PUT", ADMIN + "/v2/users/" + user("made"), {"password": PASSWORD, "displayname": "Made"})
    do.log_in("made", device_id="X")
    do.ask("root", "POST", ADMIN + "/v1/deactivate/" + user("nodeactivate1"), {})
    do.ask("root", "POST", ADMIN + "/v1/deactivate/" + user("fan"), {})
    do.by("fan", "GET", "/account/whoami")
    do.log_in("fan")
    auth = {"type": "m.login.password", "password": PASSWORD, "identifier": {"type": "m.id.user", "user": "carol"}}
    do.by("carol", "POST", "/account/deactivate", {"auth": auth})
    do.by("carol", "GET", "/account/whoami")
    do.ask("root", "GET", ADMIN + "/v1/background_updates/enabled")
    do.ask("root", "POST", ADMIN + "/v1/background_updates/start_job", {"job_name": "no such job"})
    do.ask("root", "DELETE", ADMIN + "/v1/rooms/" + room, {})
    do.by("alice", "GET", "/joined_rooms")
    do.send("alice", room, "too late")


def other(do):
    for path in ("/_matrix/client/versions", CLIENT + "/capabilities", CLIENT + "/no/such/path", "/_matrix/identity/v2/pubkey/isvalid"):
        do.ask("alice", "GET", path)
    do.ask("alice", "POST", CLIENT + "/createRoom", [])
    do.ask("alice", "PUT", CLIENT + "/sync", {})
    uri = do.ask("alice", "POST", "/_matrix/media/v3/upload?filename=a.json", {"some": "bytes"}).get("content_uri", "mxc://localhost/none")
    do.ask("alice", "POST", "/_matrix/media/v3/upload", {"some": "EICAR-PROBE"})
    for _ in range(3):
        do.ask("alice", "GET", "/_matrix/media/v3/download/" + uri.removeprefix("mxc://"))
    do.ask("alice", "GET", "/_matrix/media/v3/download/localhost/none")
    do.ask("alice", "GET", "/_matrix/client/v1/media/config")
    do.ask("alice", "GET", "/_matrix/media/v3/config")
    announced = do.ask("alice", "POST", "/_matrix/media/v1/create").get("content_uri", "mxc://localhost/none").removeprefix("mxc://")
    do.ask("alice", "GET", "/_matrix/media/v3/download/" + announced)
    do.ask("bob", "PUT", "/_matrix/media/v3/upload/" + announced, {"some": "bytes"})
    do.ask("alice", "PUT", "/_matrix/media/v3/upload/" + announced, {"some": "EICAR-PROBE"})
    for _ in range(2):
        do.ask("alice", "PUT", "/_matrix/media/v3/upload/" + announced, {"some": "bytes"})
    do.register("limited1")
    for _ in range(2):
        do.ask("limited1", "POST", "/_matrix/media/v3/upload", {"some": "x" * 800})


def do_all(do):
    accounts(do)
    sessions(do)
    profiles(do)
    room, private = rooms(do)
    messages(do, room)
    directory(do, room)
    syncs(do, room)
    pushes(do)
    addresses(do)
    other_server(do, room)
    other(do)
    administration(do, private)
