#!/usr/bin/env python3
"""Starts servers by `modapi run`, uses them, and sees that nothing is left of them.

usage: run_test.py PROJECT BUILD
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from program import MODAPI, MODULES, PROJECT, path_with_modapi

from newcomer import request

REMARKABLE = MODULES / "remarkable.so"
LONGEST_WAIT = 60  # seconds


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()

    def start(self, *arguments):
        """The command, in a session of its own, as in a terminal."""
        environment = dict(os.environ, TMPDIR=str(self.temporary), PATH=path_with_modapi())
        with open(self.folder / "log", "w") as log:
            self.command = subprocess.Popen([MODAPI, "run", *map(str, arguments)], cwd=self.folder, text=True, stdout=subprocess.PIPE,
                                            stderr=log, env=environment, start_new_session=True)
        self.addCleanup(self.end, self.command)
        return self.command

    @staticmethod
    def end(command):
        command.terminate()  # nothing, if it has ended
        command.wait(LONGEST_WAIT)
        command.stdout.close()

    def log(self):
        return (self.folder / "log").read_text()

    def welcome(self):
        """What it says when the server is there."""
        lines = []
        for line in self.command.stdout:
            lines.append(line)
            if line.startswith("try: "):
                return "".join(lines)
        self.command.wait(LONGEST_WAIT)
        raise AssertionError("".join(lines) + self.log())

    def servers(self):
        """Processes whose configuration lies in this test's folder."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{self.temporary}/modapi-run-".encode() in words:
                found.append(int(process.name))
        return found

    def see_nothing_left(self):
        self.assertEqual(self.servers(), [])
        self.assertEqual(list(self.temporary.iterdir()), [])

    def write(self, text):
        (self.folder / "homeserver.yaml").write_text(text)

    def test_makes_two_users_who_can_use_the_server(self):
        self.start(REMARKABLE)
        said = self.welcome()
        base = re.search(r"^the server is (http://127\.0\.0\.1:\d+); ", said).group(1)
        users = re.findall(r"^(@\w+:localhost), password \"correct horse\", token (\S+)$", said, re.M)
        self.assertEqual([user for user, _ in users], ["@alice:localhost", "@bob:localhost"])
        for user, token in users:
            self.assertEqual(request(base, "GET", "/_matrix/client/v3/account/whoami", token=token)[1]["user_id"], user)
        curl = re.search("^try: (curl .*)$", said, re.M).group(1)
        made = subprocess.run([*shlex.split(curl), "-s"], capture_output=True, text=True)
        self.assertIn('"room_id":"!', made.stdout)
        self.assertIn("module remarkable.Remarkable", self.log())
        self.assertEqual(len(self.servers()), 1)
        for interruption in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(interruption.name):
                if self.command.returncode is not None:
                    self.start(REMARKABLE)
                    self.welcome()
                self.command.send_signal(interruption)
                self.assertEqual(self.command.wait(LONGEST_WAIT), 0, self.log())
                self.see_nothing_left()

    def test_an_interruption_comes_to_the_server_once_from_a_terminal(self):
        self.start(REMARKABLE)
        self.welcome()
        os.killpg(self.command.pid, signal.SIGINT)
        self.assertEqual(self.command.wait(LONGEST_WAIT), 0, self.log())
        self.see_nothing_left()

    def test_an_interruption_while_the_server_starts_leaves_nothing(self):
        self.start(REMARKABLE)
        limit = time.monotonic() + LONGEST_WAIT
        while not self.servers() and time.monotonic() < limit:
            time.sleep(0.01)
        self.command.send_signal(signal.SIGINT)
        self.command.wait(LONGEST_WAIT)
        self.see_nothing_left()

    def test_the_server_doesnt_outlive_the_command(self):
        self.start(REMARKABLE)
        self.welcome()
        self.command.kill()
        self.command.wait()
        limit = time.monotonic() + LONGEST_WAIT
        while self.servers() and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertEqual(self.servers(), [])

    def test_a_server_that_ends_by_itself_ends_the_command_with_its_status_and_last_line(self):
        self.write("modules:\n  - {module: remarkable.Remarkable, config: {room: 7}}\n")
        self.assertEqual(self.start(REMARKABLE, "--config", "homeserver.yaml").wait(LONGEST_WAIT), 1)
        self.assertEqual(self.log(), "homeserver.yaml:2: modules[0].config.room: must be a string, not a number (module "
                                     "remarkable.Remarkable)\n")
        self.see_nothing_left()

    def test_a_server_that_is_killed_is_told_as_a_shell_does(self):
        self.start(REMARKABLE)
        self.welcome()
        os.kill(self.servers()[0], signal.SIGKILL)
        self.assertEqual(self.command.wait(LONGEST_WAIT), 128 + signal.SIGKILL)
        self.see_nothing_left()

    def test_listens_where_it_is_told(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertEqual(self.start(REMARKABLE, "--port", port).wait(LONGEST_WAIT), 1)
            self.assertIn(str(port), self.log().splitlines()[-1])
        self.start(REMARKABLE, "--port", port)
        self.assertIn(f"the server is http://127.0.0.1:{port};", self.welcome())

    def test_a_file_says_what_it_wants_but_for_what_a_run_has_of_its_own(self):
        self.write("server_name: hs.test\nlisteners: [{port: 1}]\nenable_registration: false\nmodules:\n"
                   "  - {module: remarkable.Silent}\n  - {module: list_spam_checker.ListSpamChecker}\n")
        self.start(REMARKABLE, "--config", "homeserver.yaml")
        said = self.welcome()
        self.assertIn("@alice:hs.test", said)
        self.assertIn("module list_spam_checker.ListSpamChecker", self.log())
        self.assertNotIn("remarkable.Remarkable", self.log())

    def test_finds_what_a_file_lists_where_the_file_says_without_a_library(self):
        modules = self.folder / "build/modules"
        modules.mkdir(parents=True)
        shutil.copy(REMARKABLE, modules)
        self.write("module_path: build/modules\nmodules: [{module: remarkable.Silent}, {module: list_spam_checker.ListSpamChecker}]\n")
        self.start("--config", "homeserver.yaml")
        self.assertIn("@alice:localhost", self.welcome())
        self.assertIn("module remarkable.Silent is loaded", self.log())

    def test_says_why_somebody_isnt_registered(self):
        self.write("modules:\n  - {module: remarkable.Remarkable, config: {closed: true}}\n")
        self.start(REMARKABLE, "--config", "homeserver.yaml")
        said = self.welcome()
        self.assertRegex(said, r'alice isn\'t registered: \{.*"errcode"')
        self.assertRegex(said, r"@bob:localhost, password .*, token \S+\n")

    def test_starts_a_module_in_python_by_its_file(self):
        needs = ["/usr/bin/python3", "-c", "import twisted, attr, typing_extensions"]
        if subprocess.run(needs, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("that takes python3-twisted, python3-attr and python3-typing-extensions")
        subprocess.run([MODAPI, "new", "no_links", "--python"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        self.start("--config", "no_links/homeserver.yaml")
        said = self.welcome()
        base = re.search(r"(http://127\.0\.0\.1:\d+); ", said).group(1)
        token = re.search(r"^@alice.*token (\S+)$", said, re.M).group(1)
        room = request(base, "POST", "/_matrix/client/v3/createRoom", {}, token)[1]["room_id"]
        status, answer = request(base, "PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.message/1",
                                 {"msgtype": "m.text", "body": "lovely Spam"}, token)
        self.assertEqual((status, answer["errcode"]), (403, "M_FORBIDDEN"))

    def test_takes_one_library_that_a_host_would_load(self):
        for arguments, said in ((["one.so", "two.so"], "run takes one module library"), (["gone.so"], "gone.so can't be read"),
                                ([], "there is no .so file in build/modules"), (["--config", "gone.yaml"], "gone.yaml")):
            self.assertEqual(self.start(*arguments).wait(LONGEST_WAIT), 1)
            self.assertIn(said, self.log())
            self.see_nothing_left()


unittest.main()
