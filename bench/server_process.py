"""The reference homeserver as the measurements start it, users in it, and requests that are timed one by one."""

import socket
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples" / "demo"))

from engines import Postgresql, Redis  # noqa: E402,F401  (the tour starts them in the same way)
from server import Failed, Server  # noqa: E402

CLIENT = "/_matrix/client/v3"
SERVER_NAME = "bench.test"
NO_ROOMS = "%7B%22room%22:%7B%22rooms%22:%5B%5D%7D%7D"  # a sync with this filter tells where the stream is and nothing more
PASSWORD = "only for measuring"
# Each of the measured paths meets at least one of them: sync two, messages one, send one.
MODULES = """
modules:
  - module: unsigned_fields.UnsignedFields
    config:
      badges: {"@alice:bench.test": staff}
  - module: list_spam_checker.ListSpamChecker
    config:
      evil_users: ["@mallory:bench.test"]
  - module: custom_presence_router.CustomPresenceRouter
    config:
      routes:
        "@alice:bench.test": ["@bob:bench.test"]
"""
SETTINGS = """server_name: %s
listeners:
  - port: 0
    bind_addresses: [127.0.0.1]
database:
  name: sqlite3
  args: {database: homeserver.db}
enable_registration: true
enable_registration_without_verification: true
module_path: %s
"""


class MeasuredServer(Server):
    """One server in a folder of its own; its log goes to a file there."""

    def __init__(self, build, folder, modules=False):
        folder = Path(folder)
        folder.mkdir(parents=True)
        super().__init__(build, folder, 0, open(folder / "homeserver.log", "w"))
        (folder / "homeserver.yaml").write_text(SETTINGS % (SERVER_NAME, self.build / "modules") + (MODULES if modules else ""))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None and self.stop() != 0:
            raise Failed("the server did not stop cleanly")
        self.log.close()

    def register(self, name):
        """The access token."""
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        return self.expect_ok("POST", CLIENT + "/register", body)["access_token"]


class Senders:
    """People who send, each on a thread of their own, until they are told to stop: `send(index)` does it while not `stopping`."""

    def __init__(self, count):
        self.stopping = threading.Event()
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(index,)) for index in range(count)]

    def run(self, index):
        try:
            self.send(index)
        except Exception as failure:  # the thread's last words
            self.failures.append(failure)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise Failed("%d of %d senders failed: %s" % (len(self.failures), len(self.threads), self.failures[0]))


class Connection:
    """One kept connection. Sends prepared bytes and reads one answer: of the time between, next to nothing is Python's."""

    def __init__(self, base, token):
        host, port = base.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = "Host: %s\r\nAuthorization: Bearer %s\r\n" % (host, token)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def timed(self, method, path, body=""):
        """(milliseconds, body of the answer); anything but 200 is a failure."""
        took, status, content = self.exchange(method, path, body)
        if status != 200:
            raise Failed("%s %s: %d %s" % (method, path, status, content[:500].decode(errors="replace")))
        return took, content

    def exchange(self, method, path, body=""):
        """(milliseconds, status, body of the answer)"""
        request = "%s %s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (method, path, self.head, len(body), body)
        request = request.encode()
        began = time.perf_counter()
        self.socket.sendall(request)
        answer = self.read_answer()
        took = (time.perf_counter() - began) * 1000
        head, _, content = answer.partition(b"\r\n\r\n")
        return took, int(head.split(b" ", 2)[1]), content

    def read_answer(self):
        answer = b""
        length = None
        while length is None or len(answer) < length:
            more = self.socket.recv(1 << 18)
            if not more:
                raise Failed("the server closed the connection")
            answer += more
            end = answer.find(b"\r\n\r\n")
            if length is None and end >= 0:
                fields = dict(line.lower().split(b": ", 1) for line in answer[:end].split(b"\r\n")[1:])
                length = end + 4 + int(fields[b"content-length"])
        return answer
