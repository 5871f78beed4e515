"""A built homeserver with Python modules in a folder of its own, as the programs beside this file look at it over HTTP.

Whoever imports it is `NAME_test.py PROJECT BUILD [NAME OF A TEST...]`. Exit status 77: Twisted or attr is missing, nothing was
tested.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

INTERPRETER = "/usr/bin/python3"
SKIPPED = 77
if pathlib.Path(sys.executable).resolve() != pathlib.Path(INTERPRETER).resolve() and os.path.exists(INTERPRETER):
    os.execv(INTERPRETER, [INTERPRETER, "-B", *sys.argv])  # Debian installs Twisted for its own Python alone
NEEDED = {"twisted": "python3-twisted", "attr": "python3-attr", "typing_extensions": "python3-typing-extensions"}
MISSING = [package for name, package in NEEDED.items() if importlib.util.find_spec(name) is None]
if MISSING:
    print("SKIPPED: Python modules need more than is here (Debian: apt-get install %s)" % " ".join(MISSING))
    sys.exit(SKIPPED)

PROJECT, BUILD = (pathlib.Path(path).resolve() for path in (sys.argv.pop(1), sys.argv.pop(1)))
PACKAGES = PROJECT / "tests/python/packages"
sys.path.insert(0, str(PROJECT / "examples/demo"))

from server import Server  # noqa: E402

CLIENT = "/_matrix/client/v3"
UNTIL = 10  # seconds, for what comes by itself
SETTINGS = """server_name: localhost
listeners: [{port: 0}]
database: {name: sqlite3, args: {database: homeserver.db}}
registration_shared_secret: only for this test
enable_registration: true
enable_registration_without_verification: true
module_path: %s
python: {enabled: true, path: [%s]%s}
workers: %d
modules:
%s
"""


def eventually(condition):
    """What `condition()` gives that isn't false, or None after a while."""
    until = time.monotonic() + UNTIL
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    return None


class StartedBy(Server):
    """A server that another program starts."""

    starter = ()

    @property
    def command(self):
        return [*self.starter, *super().command]


class World:
    """A server with these modules, in a folder that is gone afterwards. `python`: more keys of that section; `starter`: the
    words of a program that starts it."""

    def __init__(self, modules, path=PACKAGES, workers=1, more="", python="", starter=()):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.log = open(self.folder / "log", "a")
        self.server = StartedBy(BUILD, self.folder, 0, self.log)
        self.server.starter = starter
        self.configure(modules, path, workers, more, python)

    def configure(self, modules, path=PACKAGES, workers=1, more="", python=""):
        text = SETTINGS % (BUILD / "modules", path, python, workers, modules) + more
        (self.folder / "homeserver.yaml").write_text(text)

    def start(self):
        self.server.start()
        return self

    def end(self):
        status = self.server.stop() if self.server.is_running() else None
        if self.server.process is not None:
            self.server.process.stdout.close()
        self.log.close()
        text = (self.folder / "log").read_text()
        shutil.rmtree(self.folder)
        return status, text

    def check(self):
        """What --check-config says: exit status, stdout, the last line of stderr."""
        command = [str(BUILD / "bin/homeserver"), "--config", "homeserver.yaml", "--check-config"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, (done.stderr.strip().splitlines() or [""])[-1]

    def logged(self):
        return (self.folder / "log").read_text()

    def register(self, name):
        body = {"username": name, "password": "pw", "auth": {"type": "m.login.dummy"}}
        return self.server.expect_ok("POST", CLIENT + "/register", body)["access_token"]

    def room(self, token, **content):
        return self.server.expect_ok("POST", CLIENT + "/createRoom", {"preset": "private_chat", **content}, token)["room_id"]

    def say(self, room, token, text, transaction=None, **content):
        path = "%s/rooms/%s/send/m.room.message/%s" % (CLIENT, room, transaction or text.replace(" ", "_"))
        return self.server.request("PUT", path, {"msgtype": "m.text", "body": text, **content}, token)

    def messages(self, room, token, limit=100):
        return self.server.expect_ok("GET", "%s/rooms/%s/messages?dir=b&limit=%d" % (CLIENT, room, limit), token=token)["chunk"]

    def state(self, room, token, key):
        return self.server.request("GET", "%s/rooms/%s/state/%s" % (CLIENT, room, key), token=token)[1]

    def curl(self, path, *more):
        """Status, headers in lower case and body of a GET that follows nothing."""
        command = ["curl", "-sS", "-i", *more, self.server.base + path]
        head, _, body = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n\n")
        return int(head.split()[1]), head.lower(), body

    def python_processes(self):
        """Their ids: no other program is started by the server."""
        found = []
        for tasks in pathlib.Path("/proc/%d/task" % self.server.process.pid).glob("*/children"):
            found += [int(word) for word in tasks.read_text().split()]
        return found
