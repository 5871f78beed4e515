"""The reference homeserver as a process, and a few requests to it."""

import hashlib
import hmac
import json
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

TEMPLATE = Path(__file__).with_name("homeserver.yaml")
LONGEST_START = 30  # seconds


class Failed(Exception):
    pass


class Server:
    def __init__(self, build, folder, port, log=None):
        self.build, self.folder, self.port, self.log = Path(build), Path(folder), port, log
        self.process = None
        self.base = None

    def configure(self, audit_room, service):
        """The whole configuration; without an audit room one without modules, to prepare users and rooms with."""
        text = TEMPLATE.read_text()
        if audit_room is None:
            text = text[: text.index("modules:\n")]
        values = {"PORT": str(self.port), "MODULES": str(self.build / "modules"), "AUDIT_ROOM": audit_room or "", "SERVICE": service}
        for name, value in values.items():
            text = text.replace("@%s@" % name, value)
        (self.folder / "homeserver.yaml").write_text(text)

    def start(self):
        program = str(self.build / "bin" / "homeserver")
        self.process = subprocess.Popen([program, "--config", str(self.folder / "homeserver.yaml")], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            status = self.process.wait(LONGEST_START)
            raise Failed("the server did not start (exit status %d)" % status)
        self.base = "http://" + line.split()[-1]

    def stop(self):
        """As an operator would; gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

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
