"""What those who only read notice of others: whoami while 64 users send, on SQLite and on PostgreSQL, and a page of messages beside
100,000 events of other rooms, on PostgreSQL."""

import statistics
import threading
import time
from contextlib import ExitStack

from server_crowd import DATABASES, Joining, populated, token_of
from server_load import run_wrk
from server_process import CLIENT, Connection

SENDERS = 64
TURNS = 5
LARGEST_WHOAMI_RATIO = 3.0  # of the 99th percentile alone
OTHER_EVENTS = 100_000
ROUNDS = 1000
OTHER_ROOMS = 100
MESSAGES = 300  # in the room that is read
LARGEST_MESSAGES_RATIO = 1.1  # of the time without others' events


def p99(took):
    return statistics.quantiles(took, n=100)[98]


def ask(server, seconds):
    """What whoami takes, one request after the other."""
    took = []
    with Connection(server.base, token_of(SENDERS)) as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            took.append(connection.timed("GET", CLIENT + "/account/whoami")[0])
    return took


class Sending(threading.Thread):
    def __init__(self, server, room, seconds, name):
        super().__init__()
        self.arguments = server, SENDERS, seconds, [
            ",".join(token_of(number) for number in range(SENDERS)), "PUT", CLIENT + "/rooms/%s/send/m.room.message/" % room, name]
        self.result, self.failure = None, None

    def run(self):
        try:
            self.result = run_wrk(*self.arguments)
        except Exception as failure:  # the thread's last words
            self.failure = failure


def measure_whoami(build, folder, name, quick):
    seconds, turns = (1, 1) if quick else (4, TURNS)
    alone, beside, sent = [], [], []
    with populated(build, folder, name, SENDERS + 1) as server:
        room = server.expect_ok("POST", CLIENT + "/createRoom", {"preset": "public_chat"}, token_of(0))["room_id"]
        with Joining(server, room, SENDERS):
            pass
        for turn in range(turns):
            alone.append(ask(server, seconds))
            sending = Sending(server, room, seconds + 1, "turn%d" % turn)
            sending.start()
            time.sleep(0.5)
            beside.append(ask(server, seconds))
            sending.join()
            if sending.failure:
                raise sending.failure
            sent.append(sending.result["requests"] / sending.result["seconds"])
    medians = [statistics.median(map(statistics.median, took)) for took in (alone, beside)]
    slow = [statistics.median(map(p99, took)) for took in (alone, beside)]
    print("| whoami, %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f |" % (
        name, *medians, *slow, slow[1] / slow[0], statistics.median(sent)), flush=True)
    return slow[1] <= LARGEST_WHOAMI_RATIO * slow[0]


def add_other_events(postgresql, count):
    """Newer ones, in rooms of others, that the planner's statistics don't know of yet."""
    postgresql.query("ANALYZE events")
    postgresql.query(
        "INSERT INTO events (event_id, room_id, stream_position, type, sender, pdu, unsigned_fields) SELECT '$other' || n, "
        "'!other' || n %% %d || ':bench.test', (SELECT position FROM stream_position) + n, 'm.room.message', '@other:bench.test', "
        "repeat('x', 500), '{}' FROM generate_series(1, %d) n; UPDATE stream_position SET position = position + %d" % (
            OTHER_ROOMS, count, count))


def measure_messages(build, folder, quick):
    rounds, others = (20, 1000) if quick else (ROUNDS, OTHER_EVENTS)
    took = [[], []]
    with ExitStack() as stack:
        reading = []
        for number in range(2):
            server = stack.enter_context(populated(build, folder / ("messages%d" % number), "postgresql", 1))
            room = server.expect_ok("POST", CLIENT + "/createRoom", {}, token_of(0))["room_id"]
            for message in range(MESSAGES):
                server.expect_ok("PUT", CLIENT + "/rooms/%s/send/m.room.message/%d" % (room, message), {"msgtype": "m.text", "body": "message"}, token_of(0))
            if number == 1:
                add_other_events(server.postgresql, others)
            reading.append((stack.enter_context(Connection(server.base, token_of(0))), CLIENT + "/rooms/%s/messages?dir=b&limit=100" % room))
        for round_number in range(-20, rounds):
            # Turn by turn: what else the machine does meets both.
            for number, (connection, path) in enumerate(reading):
                milliseconds = connection.timed("GET", path)[0]
                if round_number >= 0:
                    took[number].append(milliseconds)
    # Where other programs use the processors one of the servers may get less of them throughout: the fastest tenth had them.
    alone, beside = (statistics.quantiles(milliseconds, n=10)[0] for milliseconds in took)
    print("| messages, postgresql | %.3f | %.3f | %.2f |" % (alone, beside, beside / alone), flush=True)
    return beside <= LARGEST_MESSAGES_RATIO * alone


def measure(build, folder, quick):
    """Prints the tables; whether both limits hold."""
    print("| request | p50 alone, ms | p50 while %d send | p99 alone, ms | p99 while %d send | ratio | messages/s meanwhile |" % (SENDERS, SENDERS))
    print("|---|---:|---:|---:|---:|---:|---:|")
    fine = True
    for name in DATABASES:
        fine = measure_whoami(build, folder / ("reading_" + name), name, quick) and fine
    print("\n| request, fastest tenth | ms, no other events | ms, %d events of other rooms | ratio |\n|---|---:|---:|---:|" % OTHER_EVENTS)
    return measure_messages(build, folder, quick) and fine
