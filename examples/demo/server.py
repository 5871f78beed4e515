"""The reference homeserver as a process, and a few requests to it."""

import hashlib
import hmac
import json
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from engines import started

TEMPLATE = Path(__file__).with_name("homeserver.yaml")
UNLIMITED = Path(__file__).with_name("unlimited.yaml")
PYTHON_MODULES = Path(__file__).resolve().parents[1] / "python"
LONGEST_START = 30  # seconds
ONE_PROCESS = """listeners:
  - port: %d
    bind_addresses: [127.0.0.1]
database:
  name: sqlite3
  args: {database: homeserver.db}"""


class Failed(Exception):
    pass


class Host:
    """A server of one process or of several: its configuration, and requests to whoever answers at `base`."""

    base = None

    def configure(self, audit_room, service):
        """The whole configuration; without an audit room one without modules, to prepare users and rooms with."""
        text = TEMPLATE.read_text()
        if audit_room is None:
            text = text[: text.index("modules:\n")]
        values = {"PLACE": self.place, "WORKERS": str(self.workers), "MODULES": str(self.build / "modules"), "PYTHON": str(PYTHON_MODULES),
                  "AUDIT_ROOM": audit_room or "", "SERVICE": service}
        for name, value in values.items():
            text = text.replace("@%s@" % name, value)
        self.configuration.write_text(text)

    def request(self, method, path, body=None, token=None, authorization=None):
        """(status, JSON)"""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        if token:
            authorization = "Bearer " + token
        if authorization:
            request.add_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def register_admin(self, user, password, secret):
        """By the operator's secret; gives the access token."""
        path = "/_synapse/admin/v1/register"
        nonce = self.expect_ok("GET", path)["nonce"]
        text = "\0".join((nonce, user, password, "admin"))
        mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
        return self.expect_ok("POST", path, {
            "nonce": nonce, "username": user, "password": password, "admin": True, "mac": mac})["access_token"]

    def expect_ok(self, method, path, body=None, token=None, authorization=None):
        status, answer = self.request(method, path, body, token, authorization)
        if status != 200:
            raise Failed("%s %s: %d %s" % (method, path, status, answer))
        return answer


class Server(Host):
    """One process, which reads `files` of its folder, and behind them that nobody's rates are limited."""

    workers = 2

    def __init__(self, build, folder, port, log=None, files=("homeserver.yaml",)):
        self.build, self.folder, self.port, self.log, self.files = Path(build), Path(folder), port, log, files
        self.process = None

    @property
    def configuration(self):
        """The file that lists the modules."""
        return self.folder / self.files[0]

    @property
    def command(self):
        words = [str(self.build / "bin" / "homeserver")]
        for name in self.files:
            words += ["--config", str(self.folder / name)]
        return words + ["--config", str(UNLIMITED)]

    @property
    def place(self):
        """What the file says of where it listens and stores."""
        return ONE_PROCESS % self.port

    def begin(self):
        """Starts it; `wait_until_it_listens` says when it did."""
        self.process = started(*self.command, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def wait_until_it_listens(self):
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            status = self.process.wait(LONGEST_START)
            raise Failed("the server did not start (exit status %d)" % status)
        self.base = "http://" + line.split()[-1]

    def start(self):
        self.begin()
        self.wait_until_it_listens()

    def stop(self):
        """As an operator would; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def each(self):
        """Every process by itself: here there is one."""
        return [self]

    def logged(self):
        if self.log is None:
            return ""
        self.log.flush()
        return Path(self.log.name).read_text(errors="replace")
