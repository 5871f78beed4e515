"""Fifty senders in one room: how many messages a second they get in, compared with one of them alone, and how long somebody
waits who leaves the room meanwhile, while a module sends four messages into it first (four_more.cpp).

usage: server_contention.py BUILD_FOLDER [--quick] [--workers COUNT]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server_process import CLIENT, SERVER_NAME, Connection, Failed, MeasuredServer, Postgresql, Senders

SENDERS = 50
SMALLEST_RATIO = 1.5  # of messages a second: those of fifty senders to those of one; on PostgreSQL
LONGEST_LEAVE = 2.0  # seconds
DATABASES = ("sqlite3", "postgresql")
COLLIDED = "could not serialize access"
SETTINGS = """server_name: %s
listeners:
  - port: 0
    bind_addresses: [127.0.0.1]
workers: %d
database: %s
enable_registration: true
enable_registration_without_verification: true
module_path: %s
modules:
  - module: four_more.FourMore
"""


class Crowd(Senders):
    """People in one room who send messages, each on a connection of their own."""

    def __init__(self, server, room, tokens, name):
        super().__init__(len(tokens))
        self.server, self.room, self.tokens, self.name = server, room, tokens, name
        self.sent = [0] * len(tokens)

    def send(self, index):
        with Connection(self.server.base, self.tokens[index]) as connection:
            while not self.stopping.is_set():
                path = "%s/rooms/%s/send/m.room.message/%s-%d" % (CLIENT, self.room, self.name, self.sent[index])
                connection.timed("PUT", path, '{"msgtype":"m.text","body":"one of many"}')
                self.sent[index] += 1

    def messages_a_second(self, seconds):
        time.sleep(seconds / 4)  # until all of them are at it
        began, before = time.perf_counter(), sum(self.sent)
        time.sleep(seconds)
        return (sum(self.sent) - before) / (time.perf_counter() - began)


def people_in_a_room(server, senders, leavers):
    """The room, the tokens of those who send and of those who leave."""
    tokens = [server.register("user%d" % number) for number in range(senders + leavers)]
    room = server.expect_ok("POST", CLIENT + "/createRoom", {"preset": "public_chat"}, tokens[0])["room_id"]
    for token in tokens[1:]:
        server.expect_ok("POST", CLIENT + "/join/" + room, {}, token)
    return room, tokens[:senders], tokens[senders:]


def leave(server, room, token):
    """Seconds."""
    with Connection(server.base, token) as connection:
        return connection.timed("POST", "%s/rooms/%s/leave" % (CLIENT, room), "{}")[0] / 1000


def measure_one(build, folder, name, database, given):
    """Whether the limits hold."""
    seconds, leavers = (1, 1) if given.quick else (8, 5)
    server = MeasuredServer(build, folder / ("server_" + name))
    (server.folder / "homeserver.yaml").write_text(SETTINGS % (SERVER_NAME, given.workers, database, build / "modules"))
    with server:
        room, tokens, leaving = people_in_a_room(server, SENDERS, leavers)
        with Crowd(server, room, tokens[:1], "alone") as crowd:
            alone = crowd.messages_a_second(seconds)
        with Crowd(server, room, tokens, "together") as crowd:
            together = crowd.messages_a_second(seconds)
            took = [leave(server, room, token) for token in leaving]
    log = (server.folder / "homeserver.log").read_text()
    collisions = log.count(COLLIDED)
    stream_collisions = sum(COLLIDED in line and "stream_position" in line for line in log.splitlines())
    print("| %s | %.0f | %.0f | %.2f | %.2f | %d | %d |" % (
        name, alone, together, together / alone, max(took), collisions, stream_collisions), flush=True)
    is_fast = name == "sqlite3" or together >= SMALLEST_RATIO * alone
    return is_fast and max(took) <= LONGEST_LEAVE and stream_collisions == 0


def measure(given, folder):
    print("| database | messages/s, one sender | %d senders | ratio | slowest leave, s | collisions | of the stream |" % SENDERS)
    print("|---|---:|---:|---:|---:|---:|---:|")
    build = given.build.resolve()
    fine = True
    for name in given.databases:
        if name == "sqlite3":
            fine = measure_one(build, folder, name, "{name: sqlite3, args: {database: homeserver.db}}", given) and fine
            continue
        with Postgresql(folder) as database:
            fine = measure_one(build, folder, name, database, given) and fine
    return fine


def main():
    arguments = argparse.ArgumentParser(description="Measures the reference homeserver with many senders in one room.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("databases", nargs="*", default=DATABASES, help="sqlite3, postgresql; both unless named")
    arguments.add_argument("--quick", action="store_true", help="only show that everything runs; no limit is checked")
    arguments.add_argument("--workers", type=int, default=1)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            fine = measure(given, Path(folder))
        except (Failed, subprocess.CalledProcessError) as failure:
            print("FAILED: %s" % failure, file=sys.stderr)
            return 1
    if given.quick:
        return 0
    print("\n%s: %d senders at least %.1f times one's messages on PostgreSQL, a leave within %.0f s, no collision of the stream" % (
        "held" if fine else "BROKEN", SENDERS, SMALLEST_RATIO, LONGEST_LEAVE))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
