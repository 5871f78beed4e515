#!/usr/bin/env python3
"""What the command modapi says of names, modules and callbacks, right and wrong ones.

usage: command_test.py PROJECT BUILD
"""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from program import BUILD, MODAPI, MODULES, PROJECT, complaint, modapi, output

EVENT = {"type": "m.room.message", "room_id": "!hall:hs", "sender": "@alice:hs", "event_id": "$1", "content": {"body": "hello"}}
REMARKABLE = MODULES / "remarkable.so"
PROBE = MODULES / "probe.so"
SPAM = MODULES / "list_spam_checker.so"


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        file = self.folder / name
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file


class Program(unittest.TestCase):
    def test_says_which_commands_there_are(self):
        text = output("--help")
        for name in ("new", "check", "run", "call"):
            self.assertIn(f"  modapi {name} ", text)
            self.assertIn(f"usage: modapi {name} ", output(name, "--help"))
        self.assertNotIn("modapi callbacks", text)

    def test_says_its_version(self):
        version = re.search(r"project\(modapi VERSION ([\d.]+)", (PROJECT / "CMakeLists.txt").read_text()).group(1)
        self.assertEqual(output("--version"), f"modapi {version}\n")

    def test_names_the_nearest_command(self):
        self.assertEqual(complaint("chekc"), "modapi: there is no command chekc; did you mean check? (modapi --help lists them)")
        self.assertIn("did you mean run?", complaint("runn"))

    def test_wants_to_be_told_what_to_do(self):
        self.assertIn("--help", complaint())

    def test_refuses_options_that_it_hasnt_got(self):
        self.assertIn("(modapi check --help says more)", complaint("check", "--confg=x"))
        self.assertIn("port", complaint("run", SPAM, "--port", "many"))


class New(InAFolder):
    def test_copies_the_template_with_the_modules_names_in_the_place_of_its_own(self):
        output("new", "no_links", folder=self.folder)
        template = PROJECT / "examples/template"
        copied = {file.name: file.read_text() for file in (self.folder / "no_links").iterdir()}
        wanted = {}
        for file in template.iterdir():
            if file.is_file() and file.name != "README.md":
                text = file.read_text().replace("ForbiddenWords", "NoLinks").replace("forbidden_words", "no_links")
                wanted[file.name.replace("forbidden_words", "no_links")] = text
        readme = copied.pop("README.md")
        self.assertEqual(copied, wanted)
        self.assertIn("`no_links.NoLinks`", readme)
        self.assertIn("cmake --build build\n", readme)

    def test_makes_it_in_the_folder_that_is_named(self):
        said = output("new", "no_links", "--into", "some where", folder=self.folder)
        self.assertTrue((self.folder / "some where/no_links/no_links.cpp").exists())
        self.assertIn("\ncd 'some where/no_links'\n", said)

    def test_refuses_a_folder_that_is_there(self):
        (self.folder / "no_links").mkdir()
        self.assertEqual(complaint("new", "no_links", folder=self.folder), "modapi: no_links exists already")
        self.assertEqual(list((self.folder / "no_links").iterdir()), [])

    def test_refuses_names_that_arent_in_snake_case(self):
        for name in ("NoLinks", "no-links", "1st", "no__links", "_no", "no_", "", "../x", "nö"):
            self.assertIn("as in no_shouting", complaint("new", "--", name, folder=self.folder), name)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_refuses_words_of_the_languages(self):
        for name in ("class", "def", "co_await", "none", "char8_t"):
            self.assertIn(f"{name} is a word of C++ or Python", complaint("new", name, folder=self.folder))

    def test_refuses_names_that_a_project_has_already(self):
        for name in ("config", "host", "module", "test", "synapse"):
            self.assertIn(f"something else that is called {name}", complaint("new", name, folder=self.folder))

    def test_takes_one_name(self):
        self.assertIn("new takes one name", complaint("new"))
        self.assertIn("new takes one name", complaint("new", "one", "two", folder=self.folder))

    def test_names_the_package_that_has_the_template(self):
        """Of a program that is installed, and what belongs to libmodapi-dev isn't."""
        prefix = self.folder / "prefix"
        (prefix / "bin").mkdir(parents=True)
        shutil.copy(MODAPI, prefix / "bin")
        done = subprocess.run([prefix / "bin/modapi", "new", "no_links"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^modapi: .*/share/modapi/template isn't there: install the package libmodapi-dev\n$")
        self.assertFalse((self.folder / "no_links").exists())

    def test_makes_a_module_in_python_whose_tests_pass(self):
        said = output("new", "no_links", "--python", folder=self.folder)
        project = self.folder / "no_links"
        test = re.search(r"^PYTHONPATH=.*$", said, re.M).group(0)
        if subprocess.run(["/usr/bin/python3", "-c", "import pytest, twisted, attr"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("that takes python3-pytest, python3-twisted and python3-attr")
        done = subprocess.run(test, shell=True, cwd=project, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\d passed")
        text = "".join(file.read_text() for file in project.rglob("*") if file.suffix in (".py", ".toml", ".yaml"))
        self.assertNotRegex(text, "forbidden_words|ForbiddenWords")
        checked = subprocess.run([BUILD / "bin/homeserver", "--config", "homeserver.yaml", "--check-config"], cwd=project,
                                 capture_output=True, text=True)
        self.assertIn("module: no_links.NoLinks", checked.stdout, checked.stderr)


class Check(InAFolder):
    def test_tells_what_each_class_registers(self):
        self.assertEqual(output("check", REMARKABLE), """\
remarkable.Remarkable, version 3.2.1
  configuration: takes none
  has start(), ready(), stop(), save(), restore()
  callbacks:
    add_field_to_unsigned (unsigned): once per event
    check_event_allowed (third-party rules): rests on the state org.example.closed
    on_new_event (third-party rules)
remarkable.Silent, version 1.0.0
  configuration: takes none
  callbacks: none
""")

    def test_tells_of_web_resources_and_login_types(self):
        said = output("check", MODULES / "my_auth_provider.so")
        self.assertIn("auth_checkers (password auth provider): my.login_type (my_field), m.login.password (password)\n", said)
        self.assertIn("  web resources: /_synapse/client/list_spam_checker/is_evil\n", output("check", SPAM))
        self.assertIn("  cached functions: get_department_for_user\n", output("check", MODULES / "my_module.so"))

    def test_takes_the_entries_of_a_file(self):
        config = self.write("homeserver.yaml", "server_name: hs\nmodules:\n"
                            "  - {module: elsewhere.Module, config: {anything: 1}}\n"
                            "  - module: remarkable.Remarkable\n    config: {room: '!a:hs'}\n    run_on: worker1\n")
        said = output("check", REMARKABLE, "--config", config)
        self.assertIn(f"remarkable.Remarkable, version 3.2.1\n  configuration: {config}:4\n", said)
        self.assertIn(f"remarkable.Silent isn't listed in {config}\n", said)

    def test_says_a_mistake_as_a_host_does(self):
        config = self.write("homeserver.yaml", "server_name: hs\nmodules:\n  - module: remarkable.Remarkable\n    config: {room: 7}\n")
        line = complaint("check", REMARKABLE, "--config", config)
        self.assertEqual(line, f"{config}:4: modules[0].config.room: must be a string, not a number (module remarkable.Remarkable)")
        host = subprocess.run([BUILD / "bin/homeserver", "--config", config, "--check-config"], capture_output=True, text=True)
        self.assertEqual(host.stderr, line + "\n")

    def test_says_what_a_constructor_throws(self):
        config = self.write("homeserver.yaml", "modules:\n  - {module: remarkable.Remarkable, config: {broken: true}}\n")
        self.assertIn(f"{config}:2: modules[0]: ", complaint("check", REMARKABLE, "--config", config))
        self.assertIn("can't be built as asked", complaint("check", REMARKABLE, "--config", config))

    def test_names_a_class_that_isnt_there(self):
        config = self.write("homeserver.yaml", "modules:\n  - module: remarkable.Unremarkable\n")
        self.assertIn("has no class Unremarkable; it has Remarkable, Silent", complaint("check", REMARKABLE, "--config", config))

    def test_wants_an_entry(self):
        config = self.write("homeserver.yaml", "modules: []\n")
        self.assertEqual(complaint("check", REMARKABLE, "--config", config), f"modapi: {config} lists no module of {REMARKABLE}")

    def test_says_that_a_configuration_is_to_be_given(self):
        self.assertEqual(complaint("check", PROBE), "modules[0].config.name: is required (module probe.Probe); give its configuration "
                                                    "with --config FILE")

    def test_refuses_what_no_host_would_load(self):
        self.assertIn("gone.so can't be read: No such file", complaint("check", "gone.so"))
        self.assertEqual(complaint("check", "gone.txt"), "modapi: gone.txt isn't called NAME.so, as module libraries are")
        self.assertIn("is not a shared library", complaint("check", self.write("text.so", "a text")))
        self.assertIn("brings its own copy of the framework", complaint("check", BUILD / "lib/libmodapi.so"))
        other = BUILD / "tests/libmodapi/modules/changed_headers_module.so"
        if other.exists():
            self.assertIn("was built against other headers of the framework", complaint("check", other))

    def test_finds_the_only_library_of_a_build(self):
        self.assertEqual(complaint("check", folder=self.folder), "modapi: say which module: there is no .so file in build/modules")
        modules = self.folder / "build/modules"
        modules.mkdir(parents=True)
        shutil.copy(SPAM, modules)
        self.assertIn("list_spam_checker.ListSpamChecker, version", output("check", folder=self.folder))
        shutil.copy(REMARKABLE, modules)
        self.assertIn("there is more than one", complaint("check", folder=self.folder))


class Call(InAFolder):
    def setUp(self):
        super().setUp()
        self.config = self.write("probe.yaml", "modules:\n  - {module: probe.Probe, config: {name: a, updates: true}}\n")
        self.event = self.write("event.json", EVENT)

    def ask(self, name, *arguments):
        return output("call", name, PROBE, *arguments, "--config", self.config).rstrip("\n")

    def ask_wrongly(self, name, *arguments):
        return complaint("call", name, PROBE, *arguments, "--config", self.config)

    def saying(self, body):
        return self.write("saying.json", {**EVENT, "content": {"body": body}})

    def test_every_callback_can_be_asked(self):
        """Each with arguments of all its types; another one than these fails here."""
        event = ["--event", self.event]
        user, room = "@alice:hs", "!hall:hs"
        presence = {"user_id": "@star:hs", "state": "online", "status_msg": "there", "currently_active": True}
        file = self.write("file.txt", "x" * 20000 + "EICAR-PROBE")
        info = json.dumps({"file_id": "abc", "thumbnail": {"width": 1, "height": 2, "method": "crop", "type": "image/png"}})
        pairs = json.dumps([["agent", "127.0.0.1"]])
        asked = {
            "on_account_data_updated": ([user, "null", "m.direct", "{}"], "null"),
            "is_user_expired": (["@expired:hs"], "true"),
            "on_user_registration": ([user], "null"),
            "on_user_login": ([user, "null", "null"], "null"),
            "add_field_to_unsigned": (event, '{"org.example.probe":"a","org.example.probe_a":"m.room.message","age":-1,'
                                             '"transaction_id":"forged"}'),
            "on_update": (["populate", "master", "false"], "100"),
            "default_batch_size": (["populate", "master"], "10"),
            "min_batch_size": (["populate", "master"], "1"),
            "get_media_config_for_user": ([user], "null"),
            "is_user_allowed_to_upload_media_of_size": ([user, "666"], "false"),
            "get_media_upload_limits_for_user": (["@limited:hs"], '[{"max_bytes":1000,"time_period_ms":3600000}]'),
            "on_media_upload_limit_exceeded": ([user, '{"max_bytes": 1, "time_period_ms": 2}', "3", "4"], "null"),
            "auth_checkers": (["alice", "org.example.probe", '{"token": "open sesame"}'],
                              '["@alice:example.org","a callback for the response"]'),
            "check_3pid_auth": (["email", "alice@probe.example", "probe-password"], '["@alice:example.org",null]'),
            "on_logged_out": ([user, "DEVICE", "token"], "null"),
            "get_username_for_registration": (["{}", '{"org.example.username": "al"}'], '"al"'),
            "get_displayname_for_registration": (["{}", "{}"], "null"),
            "is_3pid_allowed": (["email", "x@blocked.example", "true"], "false"),
            "get_users_for_states": ([json.dumps([presence])],
                                     '{"@fan:example.org":[{"user_id":"@star:hs","state":"online","last_active_ts":0,'
                                     '"last_federation_update_ts":0,"last_user_sync_ts":0,"status_msg":"there","currently_active":true}]}'),
            "get_interested_users": (["@watcher:hs"], "PRESENCE_ALL_USERS"),
            "get_ratelimit_override_for_user": (["@unlimited:hs", "rc_invites.per_user"], '{"per_second":0E0,"burst_count":0}'),
            "check_event_for_spam": (event, "NOT_SPAM"),
            "user_may_join_room": (["@nojoin:hs", room, "false"], "M_FORBIDDEN"),
            "user_may_invite": ([user, "@noinvite:hs", room], 'M_FORBIDDEN {"org.example.by":"a"}'),
            "federated_user_may_invite": (event, "NOT_SPAM"),
            "user_may_send_3pid_invite": ([user, "email", "noinvite@hs", room], "M_FORBIDDEN"),
            "user_may_create_room": (["@nocreate:hs", '{"name": "x"}'], "M_FORBIDDEN"),
            "user_may_create_room_alias": ([user, "#noalias:hs"], "M_FORBIDDEN"),
            "user_may_publish_room": ([user, room], "NOT_SPAM"),
            "user_may_send_state_event": ([user, room, "org.example.nostate", "", "{}"], "M_FORBIDDEN"),
            "check_username_for_spam": (['{"user_id": "@hidden:hs", "display_name": null}', user], "true"),
            "check_registration_for_spam": (['{"medium": "email"}', "shadow", pairs, "null"], "SHADOW_BAN"),
            "check_media_file_for_spam": ([file, info], "M_FORBIDDEN"),
            "should_drop_federated_event": (event, "false"),
            "check_login_for_spam": ([user, "null", "bad device", '[[null, "127.0.0.1"]]', "null"], "M_FORBIDDEN"),
            "check_event_allowed": (event, "[true,null]"),
            "on_create_room": (['{"user": "@alice:hs"}', '{"name": "stamped"}', "true"], '{"name":"stamped","topic":"stamped by a"}'),
            "check_threepid_can_be_invited": (["email", "unruly@hs"], "false"),
            "check_visibility_can_be_modified": ([room, "public"], "true"),
            "on_new_event": (event, "null"),
            "check_can_shutdown_room": (["null", room], None),
            "check_can_deactivate_user": ([user, "true"], None),
            "on_profile_update": ([user, '{"display_name": "Alice"}', "false", "false"], "null"),
            "on_user_deactivation_status_changed": ([user, "true", "false"], "null"),
            "on_threepid_bind": ([user, "email", "a@hs"], "null"),
            "on_add_user_third_party_identifier": ([user, "email", "a@hs"], "null"),
            "on_remove_user_third_party_identifier": ([user, "email", "a@hs"], "null"),
        }
        self.assertEqual(sorted(asked), sorted(output("callbacks").split()))
        for name, (arguments, answer) in asked.items():
            said = self.ask(name, *arguments)
            if answer is None:
                self.assertIn(said, ("true", "false"), name)
            else:
                self.assertEqual(said, answer, name)

    def test_prints_a_refusal_with_what_the_client_is_told(self):
        self.assertEqual(self.ask("check_event_for_spam", "--event", self.saying("spam consent")), "M_CONSENT_NOT_GIVEN")
        said = self.ask("check_event_for_spam", "--event", self.saying("spam text"))
        self.assertEqual(said, 'M_FORBIDDEN {"error":"no thanks from a"}')
        self.assertEqual(self.ask("check_event_allowed", "--event", self.saying("deny rule")), "[false,null]")
        self.assertIn('"body":"replaced by a"', self.ask("check_event_allowed", "--event", self.saying("replace rule")))

    def test_an_exception_is_one_line(self):
        self.assertEqual(self.ask_wrongly("check_event_for_spam", "--event", self.saying("spam throw")),
                         "modapi: module probe.Probe: check_event_for_spam failed: spam throw")
        self.assertIn("exploded as asked", self.ask_wrongly("get_username_for_registration", "{}", '{"org.example.username": "explode"}'))
        self.assertIn("no such rooms", self.ask_wrongly("on_create_room", '{"user": "@a:hs"}', '{"name": "forbidden"}', "false"))

    def test_an_exception_that_a_host_only_logs_is_one_too(self):
        self.assertIn("on_new_event failed: two", complaint("call", "on_new_event", REMARKABLE, "--event", self.event))

    def test_a_room_has_the_state_of_the_file(self):
        ask = ("call", "check_event_allowed", REMARKABLE, "--event", self.event)
        closed = self.write("closed.json", [{**EVENT, "type": "org.example.closed", "state_key": ""}])
        self.assertEqual(output(*ask), "[true,null]\n")
        self.assertEqual(output(*ask, "--state", closed), "[false,null]\n")
        self.assertIn(f"{self.event} must be a list of state events", complaint(*ask, "--state", self.event))
        self.assertIn("[0] has no state_key", complaint(*ask, "--state", self.write("no_state.json", [EVENT])))

    def test_the_module_has_started(self):
        self.assertEqual(output("call", "add_field_to_unsigned", REMARKABLE, "--event", self.event), '{"org.example.started":true}\n')

    def test_says_what_a_callback_takes(self):
        self.assertEqual(self.ask_wrongly("user_may_join_room", "@a:hs", "!r:hs"),
                         "modapi: user_may_join_room takes (str, str, bool); 2 were given")
        self.assertEqual(self.ask_wrongly("user_may_join_room", "@a:hs", "!r:hs", "7"),
                         "modapi: user_may_join_room takes (str, str, bool); 7 is no bool: must be true or false")
        self.assertIn("maybe is no bool: is no JSON", self.ask_wrongly("user_may_join_room", "@a:hs", "!r:hs", "maybe"))
        self.assertEqual(self.ask_wrongly("check_event_allowed"), "modapi: check_event_allowed takes (EventBase by --event, StateMap by "
                                                                  "--state); there is no event: give it with --event FILE")
        self.assertIn("--event is for callbacks with an event", self.ask_wrongly("is_user_expired", "@a:hs", "--event", self.event))
        self.assertIn("--state is for callbacks with a room's state", self.ask_wrongly("is_user_expired", "@a:hs", "--state", self.event))
        self.assertIn("(Requester, JsonDict, bool); {} is no Requester: must have user", self.ask_wrongly("on_create_room", "{}", "{}", "true"))
        wrong = self.ask_wrongly("get_users_for_states", '[{"user_id": "@a:hs", "state": 7}]')
        self.assertIn("takes (List[UserPresenceState]); ", wrong)
        self.assertIn("state must be a string", wrong)
        self.assertIn("#: ", self.ask_wrongly("user_may_create_room_alias", "@a:hs", "no alias") + "#: ")

    def test_says_what_is_wrong_with_an_event(self):
        for content, said in (("{", "is no JSON"), ("[]", "must be an event"), ({**EVENT, "sender": 7}, "'sender' must be a string")):
            self.assertIn(said, self.ask_wrongly("check_event_for_spam", "--event", self.write("wrong.json", content)))
        self.assertIn("gone.json can't be read", self.ask_wrongly("check_event_for_spam", "--event", "gone.json"))
        self.assertIn("gone.txt can't be read", self.ask_wrongly("check_media_file_for_spam", "gone.txt", '{"file_id": "a"}'))

    def test_names_the_nearest_callback(self):
        self.assertEqual(complaint("call", "user_may_joinroom", PROBE),
                         "modapi: there is no callback user_may_joinroom; did you mean user_may_join_room?")
        self.assertIn("say which callback", complaint("call"))

    def test_says_that_the_module_doesnt_register_it(self):
        line = complaint("call", "user_may_invite", SPAM, "@a:hs", "@b:hs", "!r:hs")
        self.assertEqual(line, f"modapi: {SPAM} registers no user_may_invite; it registers check_event_for_spam")

    def test_says_which_login_types_there_are(self):
        self.assertIn("no checker is registered for logins of the type x; there are org.example.probe, m.login.password",
                      self.ask_wrongly("auth_checkers", "alice", "x", "{}"))

    def test_says_a_mistake_in_the_configuration_as_a_host_does(self):
        self.assertIn("give its configuration with --config FILE", complaint("call", "is_user_expired", PROBE, "@a:hs"))
        config = self.write("wrong.yaml", "modules:\n  - {module: probe.Probe, config: {name: 7}}\n")
        self.assertIn(f"{config}:2: modules[0].config.name: must be a string",
                      complaint("call", "is_user_expired", PROBE, "@a:hs", "--config", config))

    def test_an_argument_may_begin_with_a_dash(self):
        done = modapi("call", "is_user_allowed_to_upload_media_of_size", PROBE, "--config", self.config, "--", "@a:hs", "-5")
        self.assertEqual(done.stdout, "true\n", done)


class Completion(unittest.TestCase):
    def completed(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _modapi; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "bash", PROJECT / "examples/command/completion.bash", MODAPI, *words],
                              cwd=PROJECT / "examples/template", capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_knows_commands_options_callbacks_and_files(self):
        self.assertEqual(self.completed("c"), ["check", "call"])
        self.assertEqual(self.completed("call", "user_may_jo"), ["user_may_join_room"])
        self.assertEqual(self.completed("check", "x.so", "--c"), ["--config"])
        self.assertEqual(self.completed("run", "x.so", "--config", ""), ["homeserver.yaml"])
        self.assertEqual(self.completed("check", str(MODULES) + "/list_spam"), [str(SPAM)])


unittest.main()
