"""What send and an incremental sync take on a server with 10,000 rooms, as a multiple of what they take on an empty one."""

import json
import random
import statistics
import subprocess

from server_process import CLIENT, NO_ROOMS, SERVER_NAME, Connection, Failed, MeasuredServer

GUEST_ROOMS = 10
LARGEST_RATIO = 2.0  # of medians


class Client:
    """One user who sends into rooms and reads what came of it, on one connection."""

    def __init__(self, server, token, rooms):
        self.connection = Connection(server.base, token)
        self.rooms = rooms
        self.random = random.Random(1)
        self.took = {"send": [], "sync": []}
        self.sent = 0

    def ask(self, method, path, body=""):
        took, answer = self.connection.timed(method, CLIENT + path, body)
        return took, json.loads(answer)

    def send_and_sync(self):
        self.sent += 1
        room = self.random.choice(self.rooms)
        # Where everything begins to be new: others have sent something since the last time.
        since = self.ask("GET", "/sync?filter=" + NO_ROOMS)[1]["next_batch"]
        path = "/rooms/%s/send/m.room.message/scale-%d" % (room, self.sent)
        took, answer = self.ask("PUT", path, '{"msgtype":"m.text","body":"something new"}')
        self.took["send"].append(took)
        took, news = self.ask("GET", "/sync?timeout=0&since=" + since)
        self.took["sync"].append(took)
        joined = news["rooms"]["join"]
        if list(joined) != [room] or [event["event_id"] for event in joined[room]["timeline"]["events"]] != [answer["event_id"]]:
            raise Failed("the sync after one message says %s" % json.dumps(news)[:500])


def rooms_of_requests(server, token):
    """One room of ten events, made by requests."""
    room = server.expect_ok("POST", CLIENT + "/createRoom", {}, token)["room_id"]
    for number in range(4):
        server.expect_ok("PUT", CLIENT + "/rooms/%s/send/m.room.message/first-%d" % (room, number), {"msgtype": "m.text", "body": "message"}, token)
    return [room]


def fill(server, rooms):
    """Rooms of ten events each in the database of a stopped server; gives their ids."""
    command = [str(server.build / "bin" / "homeserver_fill"), str(server.folder / "homeserver.db"),
               str(server.folder / (SERVER_NAME + ".signing.key")), SERVER_NAME, str(rooms), "@alice:" + SERVER_NAME,
               "@bob:" + SERVER_NAME, str(GUEST_ROOMS)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if finished.returncode != 0:
        raise Failed(finished.stderr)
    return finished.stdout.split()


def measure(build, folder, rooms, rounds):
    """Prints the table; whether every ratio is small enough."""
    full = MeasuredServer(build, folder / "full")
    with full:
        tokens = {name: full.register(name) for name in ("alice", "bob")}
    ids = fill(full, rooms)
    full.log = open(full.folder / "homeserver.log", "a")
    with full, MeasuredServer(build, folder / "empty") as empty:
        token = empty.register("alice")
        measured = {"empty": Client(empty, token, rooms_of_requests(empty, token)),
                    "all": Client(full, tokens["alice"], ids),
                    "few": Client(full, tokens["bob"], ids[:GUEST_ROOMS])}
        # Turn by turn: what else the machine does meets all of them. Both servers have the same work: the scheduler of a busy
        # machine lets wait who had more.
        for round_number in range(-20, rounds):
            for who in ("empty", "all", "empty", "few"):
                measured[who].send_and_sync()
            if round_number == -1:
                for client in measured.values():
                    client.took = {"send": [], "sync": []}
    return report(measured, rooms)


def report(measured, rooms):
    def median(who, what):
        return statistics.median(measured[who].took[what])

    def p99(who, what):
        return statistics.quantiles(measured[who].took[what], n=100)[98]

    users = {"empty": "1 of 1", "few": "%d of %d" % (GUEST_ROOMS, rooms), "all": "%d of %d" % (rooms, rooms)}
    print("| request | rooms of the user | p50 ms | p99 ms | p50, times empty | p99, times empty |\n|---|---:|---:|---:|---:|---:|")
    fine = True
    for what in ("send", "sync"):
        for who, of in users.items():
            ratio = median(who, what) / median("empty", what)
            fine = fine and ratio <= LARGEST_RATIO
            print("| %s | %s | %.2f | %.2f | %.2f | %.2f |" % (
                what, of, median(who, what), p99(who, what), ratio, p99(who, what) / p99("empty", what)))
    return fine
