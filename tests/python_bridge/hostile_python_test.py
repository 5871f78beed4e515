#!/usr/bin/env python3
"""Runs Python modules that mean harm, or have it done to them, in the built homeserver: pages that don't end, deaths of all
kinds while others are served, a server that isn't root, a kernel without Landlock.

usage: hostile_python_test.py PROJECT BUILD [NAME OF A TEST...]
"""
import concurrent.futures
import ctypes
import errno
import http.server
import json
import os
import pathlib
import pwd
import re
import signal
import socket
import struct
import sys
import threading
import time
import unittest

if sys.argv[1:2] == ["without-landlock"]:
    # A program of its own: starts another one that gets no Landlock of the kernel, as where that has none.
    NUMBER = 444  # landlock_create_ruleset, on every architecture
    load, equal, give = 0x20, 0x15, 0x06
    code = [(load, 0, 0, 0), (equal, 0, 1, NUMBER), (give, 0, 0, 0x00050000 | errno.ENOSYS), (give, 0, 0, 0x7FFF0000)]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
    filter_of_calls = ctypes.create_string_buffer(struct.pack("HP", len(code), ctypes.addressof(instructions)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter_of_calls, 0, 0):
        sys.exit("this kernel takes no filter: " + os.strerror(ctypes.get_errno()))
    os.execv(sys.argv[2], sys.argv[2:])

from python_world import CLIENT, PROJECT, World, eventually

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = HERE / "packages"
DEADLY = "  - {module: deadly.Deadly}\n"


def descriptors(process):
    return len(os.listdir("/proc/%d/fd" % process))


class Waiting:
    """A client that asks for a page, and goes away when it likes."""

    def __init__(self, world, path, method="GET"):
        host, port = re.fullmatch(r"http://(.*):([0-9]+)", world.server.base).groups()
        self.socket = socket.create_connection((host, int(port)))
        self.socket.sendall(("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % (method, path)).encode())

    def status(self):
        self.socket.settimeout(20)
        return int(self.socket.recv(4096).split()[1])

    def go_away(self):
        self.socket.close()


class PagesTest(unittest.TestCase):
    """Pages that don't end."""

    NEVER = "/_synapse/client/stuck/never"

    def world_of(self, more):
        world = World("  - {module: stuck.Stuck}\n", PACKAGES, more=more).start()
        self.addCleanup(world.end)
        # That which has read the configuration ends some seconds after.
        self.assertTrue(eventually(lambda: len(world.python_processes()) == 1))
        return world

    def running(self, world):
        return world.server.request("GET", "/_synapse/client/stuck/running")[1]["running"]

    def test_end_with_their_clients_and_leave_no_descriptor_behind(self):
        world = self.world_of("web_resource_requests: 50\n")
        self.assertEqual(self.running(world), 0)
        [process] = world.python_processes()
        both = (world.server.process.pid, process)
        before = [descriptors(each) for each in both]
        clients = [Waiting(world, self.NEVER) for _ in range(20)]
        self.assertTrue(eventually(lambda: self.running(world) == 20))
        self.assertGreaterEqual(descriptors(both[0]), before[0] + 40)
        for client in clients:
            client.go_away()
        left = eventually(lambda: all(descriptors(each) <= had for each, had in zip(both, before)))
        self.assertTrue(left, (before, [descriptors(each) for each in both]))
        self.assertTrue(eventually(lambda: self.running(world) == 0), "a handler that may be cancelled is")
        self.assertIn("path=%s status=499" % self.NEVER, world.logged())

    def test_that_may_not_be_cancelled_go_on_without_a_descriptor(self):
        world = self.world_of("")
        [process] = world.python_processes()
        self.assertEqual(self.running(world), 0)
        before = descriptors(process)
        client = Waiting(world, self.NEVER, "POST")
        self.assertTrue(eventually(lambda: self.running(world) == 1))
        client.go_away()
        self.assertTrue(eventually(lambda: descriptors(process) <= before))
        self.assertEqual(self.running(world), 1)

    def test_are_cut_at_their_deadline(self):
        world = self.world_of("web_resource_deadline: 500\n")
        status, answer = world.server.request("GET", self.NEVER)
        self.assertEqual((status, answer), (504, {"errcode": "M_UNKNOWN", "error": "This page took too long"}))
        lines = [line for line in world.logged().splitlines() if "web_resource_deadline" in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("module stuck.Stuck: %s failed: GET %s was cut after 500 ms" % (self.NEVER, self.NEVER), lines[0])
        self.assertTrue(eventually(lambda: self.running(world) == 0))

    def test_are_at_most_so_many_at_once(self):
        world = self.world_of("web_resource_requests: 3\n")
        self.assertEqual(self.running(world), 0)
        clients = [Waiting(world, self.NEVER) for _ in range(3)]

        def is_full():
            return world.server.request("GET", "/_synapse/client/stuck/running")[0] == 503

        self.assertTrue(eventually(is_full))
        _, head, _ = world.curl("/_synapse/client/stuck/running")
        self.assertIn("retry-after: 1", head)
        self.assertEqual(world.server.request("GET", CLIENT.replace("v3", "versions"))[0], 200)
        for client in clients:
            client.go_away()
        self.assertTrue(eventually(lambda: not is_full()))
        self.assertEqual(world.logged().count("web resources are answering 3 requests already"), 1)

    def test_that_go_on_and_on_are_refused(self):
        world = self.world_of("")
        [process] = world.python_processes()
        status, _ = world.server.request("GET", "/_synapse/client/stuck/endless")
        self.assertEqual(status, 502)
        self.assertEqual(self.running(world), 0)
        self.assertEqual(world.python_processes(), [process])


class DeathsTest(unittest.TestCase):
    """Whatever becomes of the process, others are served and the module comes back."""

    KINDS = {
        "kill": "signal 9",
        "segfault": "signal 11",
        "exit": "status 3",
        "loop": "hasn't answered for 1 s",
        "backtrack": "hasn't answered for 1 s",
        "allocate": None,
        "sysexit": None,
        "grow": "of python.memory",
    }

    @classmethod
    def setUpClass(cls):
        cls.world = World(DEADLY, PACKAGES, more="callback_deadline: 1s\n", python=", memory: 128M").start()
        cls.tokens = {name: cls.world.register(name) for name in [*cls.KINDS, "nothing"]}

    @classmethod
    def tearDownClass(cls):
        processes = cls.world.python_processes()
        status, log = cls.world.end()
        assert status == 0, log
        assert not [each for each in processes if os.path.exists("/proc/%d" % each)], "a process is left over"

    def create(self, name):
        return self.world.server.request("POST", CLIENT + "/createRoom", {}, self.tokens[name])[0]

    def whoami(self):
        began = time.monotonic()
        self.world.server.expect_ok("GET", CLIENT + "/account/whoami", token=self.tokens["nothing"])
        return time.monotonic() - began

    def test_others_are_served_and_it_comes_back(self):
        for kind, reason in self.KINDS.items():
            with self.subTest(kind):
                self.assertTrue(eventually(lambda: self.create("nothing") == 200))
                usual = sorted(self.whoami() for _ in range(20))[10]
                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    asked = pool.submit(self.create, kind)
                    took = []
                    while not asked.done():
                        took.append(self.whoami())
                    self.assertIn(asked.result(), (200, 403, 500))
                # Ten milliseconds on a machine that does nothing else; one that stood for the module would have a second.
                if took:
                    self.assertLess(min(took), usual + 0.1, "of the requests meanwhile")
                if reason is not None:
                    found = eventually(lambda: re.search("%s.*: it is started anew" % re.escape(reason), self.world.logged()))
                    self.assertTrue(found, kind)
                self.assertTrue(eventually(lambda: self.create("nothing") == 200), kind)


class StrangePlacesTest(unittest.TestCase):
    """Where the server itself isn't what it usually is."""

    EVIL = '  - {module: evil_users.ListSpamChecker, config: {evil_users: ["@mallory:localhost"]}}\n'
    EXAMPLES = PROJECT / "examples/python"

    def works(self, world):
        token = world.register("mallory")
        self.assertEqual(world.say(world.room(token), token, "hello")[0], 403)
        for process in eventually(lambda: world.python_processes()):
            os.kill(process, signal.SIGKILL)
        path = "/_synapse/client/evil_users/is_evil?user=@mallory:localhost"
        self.assertTrue(eventually(lambda: world.server.request("GET", path) == (200, {"evil": True})))
        return [line for line in world.logged().splitlines() if "python: " in line]

    @unittest.skipUnless(os.geteuid() == 0, "only root can start a server as another user")
    def test_a_server_that_is_not_root_has_all_of_it_and_says_what_its_modules_reach(self):
        nobody = pwd.getpwnam("nobody")
        starter = ["setpriv", "--reuid=%d" % nobody.pw_uid, "--regid=%d" % nobody.pw_gid, "--clear-groups"]
        world = World(self.EVIL, self.EXAMPLES, starter=starter)
        self.addCleanup(world.end)
        for path in (world.folder, world.folder / "homeserver.yaml"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        [line, *others] = self.works(world.start())
        self.assertIn("modules of Python's run as nobody, as the server does: they can reach what trusts that user", line)
        self.assertFalse([each for each in others if "root" in each], others)

    @unittest.skipUnless(os.geteuid() == 0, "only root can start a server as another user")
    def test_a_server_that_is_not_root_cannot_have_another_user_for_modules(self):
        nobody = pwd.getpwnam("nobody")
        starter = ["setpriv", "--reuid=%d" % nobody.pw_uid, "--regid=%d" % nobody.pw_gid, "--clear-groups"]
        world = World(self.EVIL, self.EXAMPLES, python=", user: daemon", starter=starter)
        self.addCleanup(world.end)
        os.chown(world.folder, nobody.pw_uid, nobody.pw_gid)
        os.chown(world.folder / "homeserver.yaml", nobody.pw_uid, nobody.pw_gid)
        with self.assertRaises(Exception):
            world.start()
        self.assertRegex(
            world.logged(),
            r"homeserver.yaml:\d+: python.user: only a server that is started as root can have modules run as daemon; "
            r"this one runs as nobody",
        )

    @unittest.skipUnless(os.geteuid() == 0, "only root can be told that it may not be root")
    def test_modules_do_not_run_as_root_on_purpose(self):
        world = World(self.EVIL, self.EXAMPLES, python=", user: root")
        self.addCleanup(world.end)
        status, _, line = world.check()
        self.assertEqual(status, 1)
        self.assertRegex(line, r"^homeserver.yaml:\d+: python.user: root is root, .*name a user for modules alone")

    @unittest.skipUnless(os.geteuid() == 0, "only root can have modules run as another user")
    def test_another_user_for_modules_cannot_read_uploads_which_is_said_at_the_start(self):
        world = World(self.EVIL, self.EXAMPLES, python=", user: nobody").start()
        self.addCleanup(world.end)
        lines = self.works(world)
        said = [line for line in lines if "who can't read uploaded files in " in line]
        self.assertEqual(len(said), 1, lines)
        self.assertIn("modules of Python's run as nobody", said[0])

    def test_a_kernel_without_landlock_is_said_in_one_line_and_all_else_works(self):
        starter = [sys.executable, "-B", str(HERE / "hostile_python_test.py"), "without-landlock"]
        world = World(self.EVIL, self.EXAMPLES, starter=starter).start()
        self.addCleanup(world.end)
        said = [line for line in self.works(world) if "Landlock" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("this kernel has no Landlock: modules of Python's can use all files that ", said[0])


class UploadsTest(unittest.TestCase):
    def test_the_first_upload_of_a_new_server_is_read_by_a_module(self):
        world = World("  - {module: inspecting.Inspecting, config: {word: watches}}\n", PACKAGES).start()
        self.addCleanup(world.end)
        token = world.register("alice")
        file = world.folder / "upload"
        for text, status in (("buy watches", 400), ("hello", 200)):
            file.write_text(text)
            given = ["-X", "POST", "-H", "Authorization: Bearer " + token, "-H", "Expect:", "--data-binary", "@%s" % file]
            self.assertEqual(world.curl("/_matrix/media/v3/upload", *given)[0], status, world.logged())


class Neighbour(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"here": True}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class NeighboursTest(unittest.TestCase):
    def test_are_reached_by_the_entry_that_names_them_and_by_no_other(self):
        neighbour = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Neighbour)
        threading.Thread(target=neighbour.serve_forever, daemon=True).start()
        self.addCleanup(neighbour.server_close)
        self.addCleanup(neighbour.shutdown)
        base = "http://127.0.0.1:%d" % neighbour.server_address[1]
        modules = """\
  - {module: calling.Calling, config: {name: may}, may_reach: ["%s"]}
  - {module: calling.Calling, config: {name: may_not}}
"""
        world = World(modules % base, PACKAGES).start()
        self.addCleanup(world.end)
        _, may = world.server.request("GET", "/_synapse/client/calling/may?url=%s/x" % base)
        self.assertEqual(may, {"answer": {"here": True}})
        _, may_not = world.server.request("GET", "/_synapse/client/calling/may_not?url=%s/x" % base)
        self.assertIn("failed", may_not)


if __name__ == "__main__":
    unittest.main()
