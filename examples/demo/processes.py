"""Several processes of the reference homeserver as one server: over a PostgreSQL and a Redis server of their own, behind a balancer."""

import contextlib
import csv
import socket
import time
from pathlib import Path

from engines import Postgresql, Redis, started
from server import Failed, Host, Server

LONGEST_START = 30  # seconds
HAPROXY = "/usr/sbin/haproxy"
COMMON = "common.yaml"
COMMON_PLACE = """database: %s
%ssigning_key_path: signing.key
media_store_path: media"""
REDIS = "redis: {enabled: true, host: %s}\n"
PROCESS = """%slisteners:
  - port: %d
    bind_addresses: [127.0.0.1]
    x_forwarded: true
"""
# Who doesn't answer /health for a second, twice, gets no requests, and what he was asked is broken off, so that clients ask again.
# A request that reached nobody goes to another process without its client's noticing.
BALANCER = """global
    maxconn 4000
    stats socket %s
defaults
    mode http
    maxconn 4000
    timeout connect 1s
    timeout client 120s
    timeout server 120s
    retries 3
    option redispatch 1
    option http-server-close
    option forwardfor
frontend clients
    bind fd@%d
    default_backend homeserver
backend homeserver
    balance %s
    option httpchk GET /health
    http-check expect status 200
    timeout check 1s
    default-server check inter 500ms fastinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
%s"""


def names_of(count):
    return ["main"] + ["worker%d" % number for number in range(1, count)]


def listening_socket(port):
    """Open from now on, so that nobody else gets the port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        raise Failed("port %d: %s" % (port, error.strerror)) from error
    listening.listen(1024)
    return listening


class OneOfThem(Server):
    """A process by its name; it listens at one port for as long as its file is there."""

    def __init__(self, build, folder, name):
        super().__init__(build, folder, 0, open(Path(folder) / (name + ".log"), "a"), (COMMON, name + ".yaml"))
        self.name = name
        self.database = ""  # a section of its own, in the place of the common one's
        self.configure_place()

    def configure_place(self):
        name = "" if self.name == "main" else "worker_name: %s\n" % self.name
        (self.folder / self.files[1]).write_text(PROCESS % (name, self.port) + self.database)

    def wait_until_it_listens(self):
        super().wait_until_it_listens()
        if self.port == 0:
            self.port = int(self.base.rpartition(":")[2])
            self.configure_place()


class Processes(Host):
    """With a balancer at `port` (0: any), which gives each request to another process: `balance` is how, in haproxy's words.
    `settings` are PostgreSQL's. A context manager: what was started ends with it."""

    workers = 1  # of each

    def __init__(self, build, folder, count, port=0, balance="roundrobin", settings=(), has_redis=Redis.is_installed()):
        self.build, self.folder, self.balance = Path(build), Path(folder), balance
        self.listening = listening_socket(port)
        self.base = "http://127.0.0.1:%d" % self.listening.getsockname()[1]
        self.postgresql = Postgresql(folder, settings)
        self.redis = Redis(folder) if has_redis else None
        self.servers = [OneOfThem(build, folder, name) for name in names_of(count)]
        self.balancer = None
        self.open = contextlib.ExitStack()

    @staticmethod
    def can_be_balanced():
        return Path(HAPROXY).exists()

    def __enter__(self):
        with contextlib.ExitStack() as opening:
            opening.callback(self.listening.close)
            if not self.can_be_balanced():
                raise Failed("haproxy is missing")
            opening.enter_context(self.postgresql)
            if self.redis:
                opening.enter_context(self.redis)
            opening.callback(self.end)
            self.open = opening.pop_all()
        return self

    def __exit__(self, *_):
        self.open.close()

    def end(self):
        """Whatever still runs."""
        for server in self.servers:
            if server.is_running():
                server.kill()
            server.log.close()
        if self.balancer is not None and self.balancer.poll() is None:
            self.balancer.kill()
            self.balancer.wait()

    @property
    def configuration(self):
        return self.folder / COMMON

    @property
    def place(self):
        """What the common file says of where they store."""
        return COMMON_PLACE % (self.postgresql.section(), REDIS % self.redis.socket if self.redis else "")

    def start(self):
        for server in self.servers:
            server.begin()
        for server in self.servers:
            server.wait_until_it_listens()
        if self.balancer is None:
            self.start_balancer()
        self.wait_until_balanced()

    def start_balancer(self):
        lines = "".join("    server %s %s\n" % (server.name, server.base.removeprefix("http://")) for server in self.servers)
        file = self.folder / "haproxy.cfg"
        file.write_text(BALANCER % (self.folder / "haproxy.sock", self.listening.fileno(), self.balance, lines))
        log = open(self.folder / "haproxy.log", "a")
        self.balancer = started(HAPROXY, "-db", "-f", file, pass_fds=(self.listening.fileno(),), stdout=log, stderr=log)

    def wait_until_balanced(self):
        until = time.monotonic() + LONGEST_START
        while len(self.balanced()) < len(self.servers):
            if self.balancer.poll() is not None:
                raise Failed("the balancer did not start: " + (self.folder / "haproxy.log").read_text())
            if time.monotonic() > until:
                raise Failed("the balancer doesn't take all processes")
            time.sleep(0.05)

    def balanced(self):
        """The names of those that get requests."""
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(str(self.folder / "haproxy.sock"))
                asking.sendall(b"show stat\n")
                rows = csv.DictReader(asking.makefile("r"))
                return [row["svname"] for row in rows if row["# pxname"] == "homeserver" and row["status"].startswith("UP")
                        and row["check_status"].startswith("L7") and row["svname"] != "BACKEND"]
            except (FileNotFoundError, ConnectionRefusedError):
                return []

    def stop(self):
        """All at once, as an operator would; gives the first exit status that isn't 0."""
        for server in self.servers:
            server.process.terminate()
        return next((status for status in [server.process.wait(10) for server in self.servers] if status != 0), 0)

    def kill(self):
        for server in self.servers:
            server.kill()

    def is_running(self):
        return any(server.is_running() for server in self.servers)

    def each(self):
        return self.servers
