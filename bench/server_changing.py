"""What it costs requests that modules change while the server serves, and that a module is tried in shadow mode."""

import shutil
import statistics
import threading
import time
from pathlib import Path

from server_hanging import limited_server, percentile
from server_process import CLIENT, PASSWORD, SERVER_NAME, Connection, Failed, Senders

RATE = {"send": 100, "sync": 90, "login": 10}  # requests a second
CONNECTIONS = {"send": 6, "sync": 4, "login": 4}
CHANGES = 10
BROKEN, REPLACED = 4, 7  # the changes with a file that can't be read, and with another library
LARGEST_GROWTH = 0.05  # of the memory, by the changes
SHADOWED_CALLS = 200
LARGEST_RATIO = 1.1  # of the medians with a module in shadow mode and without it
CHANGING = """
workers: 2
registration_shared_secret: only for measuring
modules:
  - module: list_spam_checker.ListSpamChecker
    config: {evil_users: [%s]}
"""
SHADOWED = """
modules:
  - module: hanging_check.HangingCheck
    callbacks: {mode: shadow, deadline: 1s, max_concurrent: 20}
"""


class TimedRequests(Senders):
    """Sends, syncs and logins at the rate of a clock, each timed."""

    def __init__(self, server, token):
        self.kinds = [(kind, place) for kind, count in CONNECTIONS.items() for place in range(count)]
        super().__init__(len(self.kinds))
        self.server, self.token = server, token
        self.room = server.expect_ok("POST", CLIENT + "/createRoom", {}, token)["room_id"]
        self.times = {kind: [] for kind in RATE}
        self.statuses = {}
        self.lock = threading.Lock()

    def request(self, kind, name):
        if kind == "send":
            return "PUT", "%s/rooms/%s/send/m.room.message/%s" % (CLIENT, self.room, name), '{"msgtype":"m.text","body":"%s"}' % name
        if kind == "sync":
            return "GET", CLIENT + "/sync?timeout=0&filter=%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:1%7D%7D%7D", ""
        return "POST", CLIENT + "/login", '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"%s"}' % PASSWORD

    def send(self, index):
        kind, place = self.kinds[index]
        interval = CONNECTIONS[kind] / RATE[kind]
        due = time.monotonic() + interval * place / CONNECTIONS[kind]
        with Connection(self.server.base, self.token) as connection:
            number = 0
            while not self.stopping.wait(max(0, due - time.monotonic())):
                took, status, _ = connection.exchange(*self.request(kind, "%s-%d-%d" % (kind, place, number)))
                with self.lock:
                    self.times[kind].append(took)
                    self.statuses[status] = self.statuses.get(status, 0) + 1
                number += 1
                due += interval


def resident_kib(server):
    status = Path("/proc/%d/status" % server.process.pid).read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def replace(library, by):
    """As a package manager does it."""
    following = library.with_suffix(".next")
    shutil.copyfile(by, following)
    following.rename(library)


def measure_changes(build, folder, seconds):
    """Whether requests fail, and how long they take, while modules change ten times."""
    server = limited_server(build, folder, "")
    modules = server.folder / "modules"
    modules.mkdir()
    library = modules / "list_spam_checker.so"
    built = build / "modules" / library.name
    replace(library, built)
    file = server.folder / "homeserver.yaml"
    head = file.read_text().replace("module_path: %s" % (server.build / "modules"), "module_path: %s" % modules)
    file.write_text(head + CHANGING % "")
    with server:
        token = server.register("alice")
        operator = server.register_admin("operator", PASSWORD, "only for measuring")
        with TimedRequests(server, token) as before:
            time.sleep(seconds)
        memory = resident_kib(server)
        with TimedRequests(server, token) as meanwhile:
            for change in range(CHANGES):
                time.sleep(seconds / CHANGES)
                file.write_text(head + CHANGING % ("[" if change == BROKEN else '"@mallory%d:%s"' % (change, SERVER_NAME)))
                if change == REPLACED:
                    replace(library, built)
                status, answer = server.request("POST", "/_synapse/admin/v1/modules/reload", {}, operator)
                if status != (400 if change == BROKEN else 200):
                    raise Failed("change %d: %d %s" % (change, status, answer))
        changed = resident_kib(server)
        with TimedRequests(server, token):
            time.sleep(seconds)
        # The same load lets the memory grow by itself, by what it stores and remembers.
        growth = (changed - memory) / memory
        growth_without = (resident_kib(server) - changed) / memory
    failed = sum(count for status, count in meanwhile.statuses.items() if status != 200)
    print("| request | number | median, ms | p99, ms | before: median, ms | p99, ms |\n|---|---:|---:|---:|---:|---:|")
    for kind in RATE:
        print("| %s | %d | %.2f | %.2f | %.2f | %.2f |" % (
            kind, len(meanwhile.times[kind]), statistics.median(meanwhile.times[kind]), percentile(meanwhile.times[kind], 0.99),
            statistics.median(before.times[kind]), percentile(before.times[kind], 0.99)))
    print("\n%d of %d requests failed during %d changes; the memory grew by %.1f %%, and by %.1f %% under the same load without changes" % (
        failed, sum(meanwhile.statuses.values()), CHANGES, growth * 100, growth_without * 100), flush=True)
    return failed == 0 and growth <= growth_without + LARGEST_GROWTH


def measure_shadow(build, folder, calls):
    """Whether a message is answered in the same way, and as fast, beside a module in shadow mode that fails."""
    print("| the module in shadow mode | answers | median without it, ms | with it | ratio |\n|---|---:|---:|---:|---:|")
    fine = True
    with limited_server(build, folder / "without", "") as without, limited_server(build, folder / "with", SHADOWED) as shadowed:
        places = {}
        for server in (without, shadowed):
            token = server.register("alice")
            places[server] = server.expect_ok("POST", CLIENT + "/createRoom", {}, token)["room_id"], Connection(server.base, token)
        for does in ("throw", "hang", "wait"):
            times, statuses = {without: [], shadowed: []}, set()
            for number in range(calls):
                for server, (room, connection) in places.items():
                    path = "%s/rooms/%s/send/m.room.message/%s-%d" % (CLIENT, room, does, number)
                    took, status, _ = connection.exchange("PUT", path, '{"msgtype":"m.text","body":"%s"}' % does)
                    times[server].append(took)
                    statuses.add(status)
            medians = [statistics.median(times[server]) for server in (without, shadowed)]
            print("| %ss | %s | %.2f | %.2f | %.2f |" % (
                does, ", ".join(map(str, sorted(statuses))), *medians, medians[1] / medians[0]), flush=True)
            fine = fine and statuses == {200} and medians[1] <= LARGEST_RATIO * medians[0]
        for _, connection in places.values():
            connection.socket.close()
    return fine


def measure(build, folder, seconds, calls):
    changes_hold = measure_changes(build, folder / "changing", seconds)
    print()
    return measure_shadow(build, folder / "shadowed", calls) and changes_hold
