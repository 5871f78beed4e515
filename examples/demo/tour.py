"""The steps of the tour: each a curl line that works when pasted, and what must come of it."""

import hashlib
import hmac
import json
import shlex

CLIENT = "/_matrix/client/v3"
INSPECTOR = "/_synapse/admin/modules/"
SHARED_SECRET = "only for the tour"  # as in homeserver.yaml
UNTIL_ALLOWED = ("--fail", "--retry", "10", "--retry-delay", "1", "--retry-all-errors")
AT_ONCE = ("--max-time", "0.7")  # seconds; the deadline in homeserver.yaml is one


class Step:
    """`logged` is a part of what the server's log must say of its modules meanwhile, so many `times`; that of every process if
    `is_logged_by_all`."""

    def __init__(self, title, command, expected, check, logged="", is_logged_by_all=False, times=1):
        self.title, self.command, self.expected, self.check, self.logged = title, command, expected, check, logged
        self.is_logged_by_all, self.times = is_logged_by_all, times


def curl(world, method, path, body=None, user=None, more=()):
    words = ["curl", "-sS", "-X", method, *more]
    if user:
        words += ["-H", "Authorization: Bearer " + world["tokens"][user]]
    if body is not None:
        words += ["-d", json.dumps(body)]
    words.append(world["base"] + path)
    return " ".join(shlex.quote(word) for word in words)


def is_reloaded(answer):
    """By every process of the server."""
    if "processes_without_answer" in answer:
        return False
    return all(of_one["replaced"] == ["list_spam_checker.ListSpamChecker"] and len(of_one["kept"]) == 14
               and not of_one["added"] + of_one["removed"] for of_one in answer.get("processes", {"": answer}).values())


def has_code(answer, code):
    return answer.get("errcode") == code


def steps(world):
    room, audit_room = world["room"], world["audit_room"]
    latest = "%s/rooms/%s/messages?dir=b&limit=1"
    login = CLIENT + "/login"
    send = CLIENT + "/rooms/" + room + "/send/m.room.message/"
    token = hmac.new(SHARED_SECRET.encode(), b"@carol:localhost", hashlib.sha512).hexdigest()
    department = "/_synapse/client/my_module/department?user_id=@alice:localhost"

    def message(body):
        return {"msgtype": "m.text", "body": body}

    def credentials(user, secret):
        return {"type": "my.login_type", "identifier": {"type": "m.id.user", "user": user}, "my_field": secret}

    def put_alias(name, more=()):
        return curl(world, "PUT", "%s/directory/room/%%23%s:localhost" % (CLIENT, name), {"room_id": room}, "alice", more)

    def is_put_off(answer):
        return answer == {"errcode": "M_UNKNOWN", "error": "Try again later"}

    # A worker's Python modules are in a process of their own, a child of the server's.
    kill_python = "kill -9 $(cat %s)" % " ".join("/proc/%d/task/*/children" % pid for pid in world["pids"])
    is_trudy_evil = "/_synapse/client/evil_users/is_evil?user=@trudy:localhost"

    # Of one process two workers take turns; several have one each.
    is_alone = world["processes"] == 1
    place, count = ("worker", 2) if is_alone else ("process", world["processes"])
    other_breaker = Step("... on the other %s too: that was the one failure which opens a %s's breaker" % (place, place),
                         put_alias("tarpit"), "M_UNKNOWN, Try again later", is_put_off, "its breaker is open")

    return [
        Step("The server answers", curl(world, "GET", "/_matrix/client/versions"), "its versions",
             lambda answer: "v1.1" in answer["versions"]),
        Step("MyAuthProvider: bob logs in with a login type that the server doesn't know",
             curl(world, "POST", login, credentials("bob", "building")), "bob's access token",
             lambda answer: answer["user_id"] == "@bob:localhost"),
        Step("MyAuthProvider: alice isn't on its list, and a null for a password opens nothing",
             curl(world, "POST", login, credentials("alice", None)), "M_FORBIDDEN",
             lambda answer: has_code(answer, "M_FORBIDDEN")),
        Step("SharedSecretAuthProvider: who knows the operator's secret logs carol in",
             curl(world, "POST", login, {"type": "com.devture.shared_secret_auth", "token": token,
                                         "identifier": {"type": "m.id.user", "user": "carol"}}), "carol's access token",
             lambda answer: answer["user_id"] == "@carol:localhost"),
        Step("ListSpamChecker: mallory may not say anything",
             curl(world, "PUT", send + "m1", message("buy my watches"), "mallory"), "M_FORBIDDEN",
             lambda answer: has_code(answer, "M_FORBIDDEN")),
        Step("ListSpamChecker's web resource says why",
             curl(world, "GET", "/_synapse/client/list_spam_checker/is_evil?user=@mallory:localhost"), '{"evil": true}',
             lambda answer: answer == {"evil": True}),
        Step("A ListSpamChecker for the contract's server, in Python and loaded as it is: trudy may not say anything either",
             curl(world, "PUT", send + "t1", message("buy my watches"), "trudy"), "M_FORBIDDEN",
             lambda answer: has_code(answer, "M_FORBIDDEN"), "evil_users.ListSpamChecker decided check_event_for_spam"),
        Step("... its processes are killed, and started anew at once: its web resource is back",
             kill_python + "; " + curl(world, "GET", is_trudy_evil, more=UNTIL_ALLOWED), '{"evil": true}',
             lambda answer: answer == {"evil": True}, "of the modules evil_users.ListSpamChecker runs", True,
             2 if is_alone else 1),
        Step("... and so is what it refuses",
             curl(world, "PUT", send + "t2", message("buy my watches"), "trudy"), "M_FORBIDDEN",
             lambda answer: has_code(answer, "M_FORBIDDEN"), "evil_users.ListSpamChecker decided check_event_for_spam"),
        Step("mjolnir's limit of 200 characters is on trial, in shadow mode: a longer message is sent, and the log says what it will do to it",
             curl(world, "PUT", send + "a0", message("that cat " * 30), "alice"), "an event id",
             lambda answer: answer["event_id"].startswith("$"), "check_event_for_spam (shadow) would have answered"),
        Step("EventCensorer: alice swears", curl(world, "PUT", send + "a1", message("that darn cat"), "alice"), "an event id",
             lambda answer: answer["event_id"].startswith("$")),
        Step("... and nobody reads it; UnsignedFields shows her badge",
             curl(world, "GET", latest % (CLIENT, room), user="bob"), "'that **** cat', badge 'staff'",
             lambda answer: answer["chunk"][0]["content"]["body"] == "that **** cat"
             and answer["chunk"][0]["unsigned"]["org.example.badge"] == "staff"),
        Step("CustomAccountDataModule: alice changes her account data",
             curl(world, "PUT", CLIENT + "/user/@alice:localhost/account_data/org.example.theme", {"color": "green"}, "alice"), "{}",
             lambda answer: answer == {}),
        Step("... which the audit room hears of",
             curl(world, "GET", latest % (CLIENT, audit_room), user="auditor"), "a message about org.example.theme",
             lambda answer: "org.example.theme" in answer["chunk"][0]["content"]["body"]),
        Step("CustomPresenceRouter: carol, who shares no room with alice, comes online",
             curl(world, "PUT", CLIENT + "/presence/@carol:localhost/status", {"presence": "online", "status_msg": "hello"}, "carol"),
             "{}", lambda answer: answer == {}),
        Step("... and alice's sync tells her",
             curl(world, "GET", CLIENT + '/sync?filter=%7B%22room%22:%7B%22rooms%22:%5B%5D%7D%7D', user="alice"), "carol's presence",
             lambda answer: any(event["sender"] == "@carol:localhost" for event in answer["presence"]["events"])),
        Step("InviteAutoAccepter: carol is invited to the audit room",
             curl(world, "POST", CLIENT + "/rooms/" + audit_room + "/invite", {"user_id": "@carol:localhost"}, "auditor"), "{}",
             lambda answer: answer == {}),
        Step("... and is in it, so that she may read it",
             curl(world, "GET", latest % (CLIENT, audit_room), user="carol", more=UNTIL_ALLOWED), "how she joined",
             lambda answer: answer["chunk"][0]["content"]["membership"] == "join"
             and answer["chunk"][0]["state_key"] == "@carol:localhost"),
        Step("HTTPAntispam: the service wants no such alias",
             put_alias("watches"), "the service's own error",
             lambda answer: has_code(answer, "ORG_EXAMPLE_NO_ADVERTISEMENTS")),
        Step("... and another one it lets pass",
             put_alias("lounge"), "{}",
             lambda answer: answer == {}),
        Step("Now the service hangs. The deadline of HTTPAntispam's entry cuts the call, and on_failure: tempfail puts the alias off",
             put_alias("tarpit"), "M_UNKNOWN, Try again later", is_put_off, "put off instead (on_failure: tempfail)"),
        *[other_breaker] * (count - 1),
        Step("... so that the next one is answered at once, though the service still hangs",
             put_alias("tarpit", AT_ONCE), "M_UNKNOWN, Try again later", is_put_off),
        Step("... and when the service is well again, a probe closes the breaker",
             put_alias("hall", UNTIL_ALLOWED), "{}", lambda answer: answer == {}, "its breaker is closed"),
        Step("DomainRuleChecker: nobody is invited by address",
             curl(world, "POST", CLIENT + "/rooms/" + room + "/invite",
                  {"medium": "email", "address": "dave@example.org", "id_server": "localhost"}, "alice"), "M_FORBIDDEN",
             lambda answer: has_code(answer, "M_FORBIDDEN")),
        Step("EmailAccountValidity: alice asks for the mail that renews her account",
             curl(world, "POST", "/_synapse/client/email_account_validity/send_mail", {}, "alice"), "{}: she has no address",
             lambda answer: answer == {}),
        Step("MyModule: a department, asked of a service", curl(world, "GET", department), "engineering",
             lambda answer: answer["department"] == "engineering"),
        Step("... remembered", curl(world, "GET", department), "engineering", lambda answer: answer["department"] == "engineering"),
        Step("... and forgotten, on all workers",
             curl(world, "POST", "/_synapse/client/my_module/forget", {"user_id": "@alice:localhost"}), "{}",
             lambda answer: answer == {}),
        Step("The operator asks what each module did, refused and cost",
             curl(world, "GET", "/_synapse/admin/v1/modules", user="operator"), "the modules; ListSpamChecker refused mallory",
             lambda answer: any(module["name"] == "list_spam_checker.ListSpamChecker"
                                and module["callbacks"]["check_event_for_spam"]["decided"] >= 1 for module in answer["modules"])),
        Step("... takes mallory off the list in the file, and has the server read it again while it serves",
             "sed -i 's/\"@mallory:localhost\"//' %s && " % world["configuration"]
             + curl(world, "POST", "/_synapse/admin/v1/modules/reload" + ("" if is_alone else "?scope=all"), {}, "operator"),
             "ListSpamChecker is replaced, nothing else", is_reloaded, "its old instance has ended", True),
        Step("... and the new instance's web resource has nothing against her",
             curl(world, "GET", "/_synapse/client/list_spam_checker/is_evil?user=@mallory:localhost"), '{"evil": false}',
             lambda answer: answer == {"evil": False}),
    ]
