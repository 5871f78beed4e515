#!/usr/bin/env python3
"""Runs Python modules in the built homeserver and sees over HTTP what they do: the sixty names that published modules use most,
the example, what is wrong in a configuration, a reload, a process that is killed.

usage: homeserver_test.py PROJECT BUILD [NAME OF A TEST...]
"""
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import tempfile
import threading
import time
import unittest

from python_world import CLIENT, PACKAGES, PROJECT, World, eventually

import service

CENSUS = PACKAGES / "census"
CENSUS_MODULES = """\
  - {module: census.rooms.Rooms, config: {steward: steward}}
  - {module: census.accounts.Accounts, config: {pin: "1234"}}
  - {module: census.pages.Pages}
  - {module: census.storing.Storing, may_reach: ["http://127.0.0.1:%d"]}
"""
EVIL = '  - {module: evil_users.ListSpamChecker, config: {evil_users: ["@mallory:localhost"]}}\n'
SLOW_START = """import time


class SlowStart:
    def __init__(self, config, api):
        time.sleep(3)
        api.register_spam_checker_callbacks(check_event_for_spam=self.check)

    async def check(self, event):
        return "NOT_SPAM"
"""
# In the order of how many of the packages that were read use them.
SIXTY = """
ModuleApi UserID ConfigError EventBase SynapseError synapse create_requester SynapseRequest JsonDict NOT_SPAM StateMap
run_as_background_process UserProfile EventTypes AuthError MissingClientTokenError InvalidClientTokenError
parse_json_object_from_request LoggingTransaction run_in_background make_deferred_yieldable respond_with_json NOT_DONE_YET
module_api errors Requester Membership InvalidClientCredentialsError HttpResponseException DatabasePool Codes RoomID
RoomVersion ProfileInfo DirectServeJsonResource parse_string cached UserInfo RoomAlias JsonMapping DirectServeHtmlResource
LimitExceededError JoinRules HistoryVisibility RoomCreationPreset AccountDataTypes random_string parse_strings_from_args
RegistrationBehaviour SimpleHttpClient LoginResponse respond_with_html RedirectException CodeMessageException StoreError
ShadowBanError RequestTimedOutError EventFormatVersions LoginType ReceiptTypes
""".split()


class Peer(service.Handler):
    """A service that modules ask."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/well":
            self.answer(200, {"said": "hello " + body["user"]})
        else:
            self.answer(404, {"errcode": "M_NOT_FOUND"})


class CensusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.peer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
        threading.Thread(target=cls.peer.serve_forever, daemon=True).start()
        cls.world = World(CENSUS_MODULES % cls.peer.server_address[1]).start()
        cls.alice = cls.world.register("alice")
        cls.bob = cls.world.register("bob")
        cls.steward = cls.world.register("steward")
        cls.admin = cls.world.server.register_admin("operator", "pw", "only for this test")

    @classmethod
    def tearDownClass(cls):
        status, log = cls.world.end()
        cls.peer.shutdown()
        cls.peer.server_close()
        assert status == 0, log
        unexpected = [line for line in log.splitlines() if "Traceback" in line and "a teapot" not in line]
        assert not unexpected, "\n".join(unexpected)

    def test_each_of_the_sixty_names_is_used(self):
        source = "\n".join(path.read_text() for path in CENSUS.glob("*.py"))
        self.assertEqual(len(SIXTY), 60)
        unused = [name for name in SIXTY if len(re.findall(r"\b%s\b" % name, source)) < (1 if name == "NOT_DONE_YET" else 2)]
        self.assertEqual(unused, [])

    def test_a_room_is_created_as_the_module_changed_the_request(self):
        room = self.world.room(self.alice)
        self.assertEqual(self.world.state(room, self.alice, "m.room.history_visibility"), {"history_visibility": "joined"})
        status, answer = self.world.server.request("POST", CLIENT + "/createRoom", {"preset": "public_chat"}, self.alice)
        self.assertEqual(
            (status, answer["errcode"], answer["error"]), (403, "M_FORBIDDEN", "alice may not create public rooms")
        )

    def test_an_event_is_refused_or_replaced_by_what_the_state_says(self):
        room = self.world.room(self.alice)
        path = CLIENT + "/rooms/" + room + "/state/m.room.join_rules"
        self.assertEqual(self.world.server.request("PUT", path, {"join_rule": "public"}, self.alice)[0], 403)
        status, _ = self.world.say(room, self.alice, "which version", version="?")
        self.assertEqual(status, 200)
        content = self.world.messages(room, self.alice)[0]["content"]
        self.assertEqual(content["creator"], "@alice:localhost")
        self.assertEqual((content["version"], content["has_hashes_as_ids"], content["members"]), ("10", True, 1))

    def test_the_state_of_a_room_of_many_is_looked_into_as_far_as_a_module_asks(self):
        room = self.world.room(self.alice)
        for number in range(20):
            path = "%s/rooms/%s/state/org.example.kind/%d" % (CLIENT, room, number)
            self.assertEqual(self.world.server.request("PUT", path, {"is": number}, self.alice)[0], 200)
        self.assertEqual(self.world.say(room, self.alice, "which version", version="?")[0], 200)
        content = self.world.messages(room, self.alice)[0]["content"]
        self.assertEqual((content["has_seventh"], content["members"]), (True, 1))

    def test_spam_is_told_in_the_modules_words(self):
        room = self.world.room(self.alice)
        self.assertEqual(self.world.say(room, self.alice, "hello")[0], 200)
        status, answer = self.world.say(room, self.alice, "buy watches")
        self.assertEqual(status, 403)
        self.assertEqual(answer["error"], "no advertisements")

    def test_invites_and_aliases_are_judged_by_parsed_ids(self):
        room = self.world.room(self.alice)
        invite = CLIENT + "/rooms/" + room + "/invite"
        self.assertEqual(self.world.server.request("POST", invite, {"user_id": "@x:elsewhere"}, self.alice)[0], 403)
        self.assertEqual(self.world.server.request("POST", invite, {"user_id": "@bob:localhost"}, self.alice)[0], 200)
        alias = CLIENT + "/directory/room/%%23%s:localhost"
        self.assertEqual(self.world.server.request("PUT", alias % "admins", {"room_id": room}, self.alice)[0], 403)
        self.assertEqual(self.world.server.request("PUT", alias % "lounge", {"room_id": room}, self.alice)[0], 200)

    def test_an_invited_steward_joins_in_the_background_and_says_so(self):
        room = self.world.room(self.alice, invite=["@steward:localhost"])
        said = eventually(
            lambda: [
                each
                for each in self.world.messages(room, self.alice)
                if each["sender"] == "@steward:localhost" and each["type"] == "m.room.message"
            ]
        )
        self.assertTrue(said)
        self.assertEqual(said[0]["content"]["body"], "the steward is here")

    def test_every_event_of_a_page_has_the_modules_field_and_the_servers_own(self):
        room = self.world.room(self.alice)
        for number in range(30):
            self.world.say(room, self.alice, "message %d" % number)
        page = self.world.messages(room, self.alice)
        self.assertGreater(len(page), 30)
        for event in page:
            self.assertEqual(event["unsigned"]["org.example.census"], event["type"])
            self.assertIsInstance(event["unsigned"]["age"], int)
        modules = self.world.server.expect_ok("GET", "/_synapse/admin/v1/modules", token=self.admin)["modules"]
        calls = [
            module["callbacks"]["add_field_to_unsigned"]["calls"]
            for module in modules
            if module["name"] == "census.rooms.Rooms"
        ]
        before = calls[0]
        self.world.messages(room, self.alice)
        modules = self.world.server.expect_ok("GET", "/_synapse/admin/v1/modules", token=self.admin)["modules"]
        [after] = [
            module["callbacks"]["add_field_to_unsigned"]["calls"]
            for module in modules
            if module["name"] == "census.rooms.Rooms"
        ]
        self.assertEqual(after, before + 1, "one message for all events of a response")

    def test_a_login_type_of_the_modules_makes_an_account_and_adds_to_the_response(self):
        def credentials(pin):
            return {"type": "org.example.pin", "identifier": {"type": "m.id.user", "user": "paula"}, "pin": pin}

        status, answer = self.world.server.request("POST", CLIENT + "/login", credentials("1234"))
        self.assertEqual((status, answer["user_id"]), (200, "@paula:localhost"))
        self.assertEqual((answer["org.example.name"], answer["org.example.admin"]), ("PAULA", False))
        self.assertEqual(self.world.server.request("POST", CLIENT + "/login", credentials("0000"))[0], 403)

    def test_a_registration_gets_another_name_or_is_denied(self):
        def register(name):
            body = {"username": name, "password": "pw", "auth": {"type": "m.login.dummy"}}
            return self.world.server.request("POST", CLIENT + "/register", body)

        self.assertRegex(register("random")[1]["user_id"], "^@guest-[a-z]{8}:localhost$")
        self.assertEqual(register("denied")[0], 429)

    def test_a_user_is_hidden_from_the_directory(self):
        for name, token in (("HIDDEN", self.world.register("hidden")), ("SHOWN", self.world.register("shown"))):
            user = "@%s:localhost" % name.lower()
            path = CLIENT + "/profile/%s/displayname" % user
            self.world.server.expect_ok("PUT", path, {"displayname": name}, token)
            room = self.world.room(token, invite=["@bob:localhost"])
            self.world.server.expect_ok("POST", CLIENT + "/join/" + room, {}, self.bob)

        def found(term):
            answer = self.world.server.expect_ok("POST", CLIENT + "/user_directory/search", {"search_term": term}, self.bob)
            return [each["user_id"] for each in answer["results"]]

        self.assertEqual(found("SHOWN"), ["@shown:localhost"])
        self.assertEqual(found("HIDDEN"), [])

    def test_account_data_is_read_and_written_because_of_account_data(self):
        path = CLIENT + "/user/@alice:localhost/account_data/"
        for people in ({"@bob:localhost": ["!a:b"]}, {"@bob:localhost": [], "@carol:localhost": []}):
            self.world.server.expect_ok("PUT", path + "m.direct", people, self.alice)
        kept = eventually(
            lambda: self.world.server.request("GET", path + "org.example.census", token=self.alice)[1].get("times") == 2
        )
        self.assertTrue(kept)
        kept = self.world.server.expect_ok("GET", path + "org.example.census", token=self.alice)
        self.assertEqual(kept["people"], ["@bob:localhost", "@carol:localhost"])

    def test_twisteds_own_resource_answers_later(self):
        path = "/_synapse/client/census/later"
        status, _, body = self.world.curl(path, "-H", "Authorization: Bearer " + self.alice)
        self.assertEqual((status, body), (200, '<p>["alice"]</p>'))
        status, _, body = self.world.curl(path)
        self.assertEqual((status, json.loads(body)), (401, {"seen": "MissingClientTokenError", "errcode": "M_MISSING_TOKEN"}))
        status, _, body = self.world.curl(path, "-H", "Authorization: Bearer wrong")
        self.assertEqual((status, json.loads(body)), (401, {"seen": "InvalidClientTokenError", "errcode": "M_UNKNOWN_TOKEN"}))

    def test_the_contracts_resources_answer_with_objects_pages_and_errors(self):
        path = "/_synapse/client/census/json"
        ask = self.world.server.request
        self.assertEqual(ask("POST", path, {}, self.admin), (200, {"admin": "@operator:localhost", "device": True}))
        status, answer = ask("POST", path, {}, self.alice)
        self.assertEqual((status, answer["errcode"]), (403, "M_FORBIDDEN"))
        status, answer = ask("POST", path, {"often": True}, self.alice)
        self.assertEqual((status, answer["errcode"], answer["retry_after_ms"]), (429, "M_LIMIT_EXCEEDED", 2000))
        self.assertEqual(ask("POST", path, {"strange": True}, self.alice)[0], 500)
        self.assertEqual(ask("POST", path, [], self.alice)[1]["errcode"], "M_BAD_JSON")
        page = "/_synapse/client/census/html"
        self.assertEqual(self.world.curl(page + "?name=a&name=b")[2], "<p>a, b</p>")
        status, head, _ = self.world.curl(page + "?to=https://example.org/next")
        self.assertEqual(status, 302)
        self.assertIn("location: https://example.org/next", head)

    def test_a_table_is_written_and_read_and_the_cache_before_it_invalidated(self):
        path = "/_synapse/client/census/kept"
        ask = self.world.server.request

        def kept(user):
            return ask("GET", path + "?user=" + user)[1]

        self.assertTrue(eventually(lambda: "kept" in kept("@a:x")))
        asked = kept("@a:x")["asked"]
        self.assertEqual(ask("PUT", path, {"user": "@a:x", "numbers": [1, 2]}), (200, {}))
        self.assertEqual(kept("@a:x"), {"kept": 3, "asked": asked + 1})
        self.assertEqual(kept("@a:x"), {"kept": 3, "asked": asked + 1})
        status, answer = ask("PUT", path, {"user": "@a:x", "numbers": [1, -5]})
        self.assertEqual((status, answer["errcode"]), (400, "M_INVALID_PARAM"))
        self.assertEqual(kept("@a:x")["kept"], 3, "a failed transaction leaves nothing")

        base = "http://127.0.0.1:%d" % self.peer.server_address[1]
        body = {"user": "@a:x", "url": base + "/well"}
        self.assertEqual(ask("POST", path, body), (200, {"was_new": True, "service": 200, "said": "hello @a:x"}))
        body["url"] = base + "/ill"
        answer = ask("POST", path, body)[1]
        self.assertEqual(
            (answer["was_new"], answer["service"], json.loads(answer["said"])), (False, 404, {"errcode": "M_NOT_FOUND"})
        )


class LoadingTest(unittest.TestCase):
    """What an operator is told."""

    def world_of(self, modules, more="", path=PROJECT / "examples/python"):
        world = World(modules, path, more=more)
        self.addCleanup(world.end)
        return world

    def refusal_of(self, modules, path=PROJECT / "examples/python"):
        status, _, line = self.world_of(modules, path=path).check()
        self.assertEqual(status, 1)
        return line

    def test_the_check_says_where_a_module_is(self):
        status, found, _ = self.world_of(EVIL).check()
        self.assertEqual(status, 0)
        self.assertIn("module: evil_users.ListSpamChecker (%s/examples/python/evil_users.py)" % PROJECT, found)

    def test_the_pages_configuration_is_fine(self):
        page = (PROJECT / "libmodapi/docs/python.md").read_text()
        world = self.world_of(EVIL)
        (world.folder / "homeserver.yaml").write_text(re.search(r"^```yaml\n(.*?)^```$", page, re.S | re.M).group(1))
        (world.folder / "examples").symlink_to(PROJECT / "examples")
        status, found, line = world.check()
        self.assertEqual(status, 0, line)
        self.assertIn("module: evil_users.ListSpamChecker (", found)

    def test_a_wrong_configuration_is_one_line_with_its_place(self):
        line = self.refusal_of('  - module: evil_users.ListSpamChecker\n    config:\n      evil_users: ["@a:b", 5]\n')
        self.assertRegex(
            line,
            r"^homeserver.yaml:\d+: modules\[0\].config.evil_users\[1\]: must be a user id "
            r"\(module evil_users.ListSpamChecker\)$",
        )

    def test_what_is_not_there_is_one_line_that_says_so(self):
        self.assertIn("no Python package nobody", self.refusal_of("  - module: nobody.Nothing\n"))
        self.assertIn("Nothing", self.refusal_of("  - module: evil_users.Nothing\n"))

    def test_a_folder_that_is_not_there_is_the_settings_mistake(self):
        line = self.refusal_of(EVIL, path="no such folder")
        self.assertRegex(line, r"^homeserver.yaml:\d+: python.path: there is no folder /.*/no such folder$")

    def test_where_python_is_not_enabled_the_refusal_says_how_to(self):
        world = self.world_of(EVIL)
        file = world.folder / "homeserver.yaml"
        file.write_text(file.read_text().replace("enabled: true", "enabled: false"))
        self.assertIn("python: {enabled: true", world.check()[2])

    def test_an_unknown_key_of_the_section_is_its_mistake(self):
        world = self.world_of(EVIL)
        file = world.folder / "homeserver.yaml"
        file.write_text(file.read_text().replace("enabled: true", "enabled: true, pth: []"))
        status, _, line = world.check()
        self.assertEqual(status, 1)
        self.assertRegex(line, r"homeserver.yaml:\d+: python.pth: ")


class Living(unittest.TestCase):
    """A server whose modules change."""

    workers = 2

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(PROJECT / "examples/python/evil_users.py", self.folder)
        self.world = World(EVIL, self.folder, self.workers).start()
        self.addCleanup(self.end)
        self.mallory = self.world.register("mallory")
        self.room = self.world.room(self.mallory)
        self.admin = self.world.server.register_admin("operator", "pw", "only for this test")

    def end(self):
        is_running = self.world.server.is_running()
        processes = self.world.python_processes() if is_running else []
        status, log = self.world.end()
        self.assertEqual(status, 0 if is_running else None, log)
        left = [process for process in processes if os.path.exists("/proc/%d" % process)]
        self.assertEqual(left, [], "no process is left over")

    def reload(self):
        return self.world.server.request("POST", "/_synapse/admin/v1/modules/reload", {}, self.admin)

    def answers(self, count=8):
        """Of all workers, which take turns."""
        return {self.world.say(self.room, self.mallory, "hello", str(time.monotonic()))[0] for _ in range(count)}


class LifeTest(Living):
    def test_each_worker_has_a_process_that_comes_back_when_it_is_killed(self):
        self.assertEqual(self.answers(), {403})
        # That which has read the configuration ends some seconds after.
        before = eventually(lambda: [self.world.python_processes()] if len(self.world.python_processes()) == 2 else None)[0]
        for process in before:
            os.kill(process, signal.SIGKILL)
        killed = time.monotonic()
        self.assertEqual(self.world.server.request("GET", CLIENT + "/account/whoami", token=self.mallory)[0], 200)
        path = "/_synapse/client/evil_users/is_evil?user=@mallory:localhost"
        up = eventually(lambda: all(self.world.server.request("GET", path) == (200, {"evil": True}) for _ in range(6)))
        self.assertTrue(up)
        self.assertLess(time.monotonic() - killed, 5)
        self.assertEqual(self.answers(), {403})
        after = self.world.python_processes()
        self.assertEqual((len(after), set(after) & set(before)), (2, set()))
        log = (self.world.folder / "log").read_text()
        self.assertEqual(
            log.count("of the modules evil_users.ListSpamChecker was ended by signal 9 (Killed): it is started anew now"), 2
        )

    def test_a_reload_has_the_code_that_was_changed_and_keeps_what_was_not(self):
        self.assertEqual(self.reload()[1]["replaced"], [])
        self.assertEqual(self.answers(), {403})
        source = self.folder / "evil_users.py"
        source.write_text(source.read_text().replace("event.sender in self._evil_users", "False"))
        self.assertEqual(self.reload()[1]["replaced"], ["evil_users.ListSpamChecker"])
        self.assertEqual(self.answers(), {200})
        self.assertTrue(eventually(lambda: len(self.world.python_processes()) == 2), "the old processes end")

    def test_a_reload_of_what_does_not_load_changes_nothing(self):
        source = self.folder / "evil_users.py"
        source.write_text(source.read_text() + "\n)\n")
        status, answer = self.reload()
        self.assertGreaterEqual(status, 400)
        self.assertRegex(answer["error"], r"homeserver.yaml:\d+: modules\[0\].module: .*/evil_users.py:\d+: unmatched '\)'")
        self.assertEqual(self.answers(), {403})


class BuildingTest(Living):
    """With one worker: where there is another, that takes the requests which the first one doesn't get to."""

    workers = 1

    def whoami(self):
        """How long a request takes that no module is asked about."""
        begin = time.monotonic()
        self.assertEqual(self.world.server.request("GET", CLIENT + "/account/whoami", token=self.mallory)[0], 200)
        return time.monotonic() - begin

    def test_a_reload_whose_constructor_takes_long_holds_up_no_other_request(self):
        (self.folder / "slow_start.py").write_text(SLOW_START)
        alone = [self.whoami() for _ in range(1000)]
        before = statistics.median(alone)
        self.world.configure(EVIL + "  - {module: slow_start.SlowStart}\n", self.folder)
        answers = []
        reloading = threading.Thread(target=lambda: answers.append(self.reload()))
        reloading.start()
        meanwhile = []
        while reloading.is_alive():
            meanwhile.append(self.whoami())
        self.assertEqual((answers[0][0], answers[0][1]["added"]), (200, ["slow_start.SlowStart"]))
        print(
            "whoami: median %.1f ms, longest %.1f ms; while a constructor takes 3 s median %.1f ms, longest %.1f ms"
            % tuple(1000 * time for time in (before, max(alone), statistics.median(meanwhile), max(meanwhile)))
        )
        self.assertGreater(len(meanwhile), 100)
        self.assertLess(statistics.median(meanwhile), before + 0.01)
        self.assertLess(max(meanwhile), 1, "the constructor takes 3")
        self.assertEqual(self.answers(), {403})

    def test_a_stop_ends_a_reload_whose_constructor_runs(self):
        (self.folder / "slow_start.py").write_text(
            SLOW_START.replace("time.sleep(3)", "print('here', flush=True); time.sleep(60)")
        )
        self.world.configure(EVIL + "  - {module: slow_start.SlowStart, process: own}\n", self.folder)

        def reload():
            with contextlib.suppress(http.client.HTTPException, OSError):  # the server ends before it has answered
                self.reload()

        reloading = threading.Thread(target=reload)
        reloading.start()
        log = self.world.folder / "log"
        self.assertTrue(eventually(lambda: "modules slow_start.SlowStart: here" in log.read_text()))
        begin = time.monotonic()
        self.assertEqual(self.world.server.stop(), 0)
        self.assertLess(time.monotonic() - begin, 6)
        reloading.join()
        self.assertRegex(log.read_text(), r"modules stay as they were \(change asked for by .*\): the workers are stopping")

    def test_a_reload_whose_constructor_fails_leaves_nothing_behind(self):
        (self.folder / "slow_start.py").write_text(SLOW_START.replace("time.sleep(3)", "raise ValueError('not today')"))
        self.world.configure(EVIL + "  - {module: slow_start.SlowStart, process: own}\n", self.folder)
        status, answer = self.reload()
        self.assertEqual(status, 400)
        self.assertRegex(
            answer["error"], r"homeserver.yaml:\d+: modules\[1\]: ValueError: not today \(module slow_start.SlowStart\)$"
        )
        self.assertTrue(eventually(lambda: len(self.world.python_processes()) == 1))
        self.assertEqual(self.answers(), {403})


unittest.main()
