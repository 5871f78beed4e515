#!/usr/bin/env python3
"""Three processes of the reference homeserver as one server, of which something breaks in every round while people write and read.

usage: processes_chaos.py BUILD_FOLDER [--rounds N] [--seconds S] [--seed N] [--fault NAME] [--no-redis] [--keep FOLDER]

A PostgreSQL and a Redis server of its own, three processes with a role each in the database, haproxy that gives each request to
another of them. Writers send messages with transaction ids through the balancer until they are acknowledged; readers follow by sync,
some through the balancer, some at the processes directly; jobs of background updates are queued all the time. A round of S seconds
has one fault, by chance: kill -9 of a process, SIGSTOP of one for 20 s, restart of PostgreSQL, of Redis, of both. A cycle of five
rounds has each once; the seed, which is printed, gives the same ones again. At the end of each round:

- each acknowledged message is in the database and in /messages, once, under the id that was acknowledged;
- each reader's syncs had each message of each room once, in the database's order;
- nobody waited longer than 10 s for an answer or for a sync with what is new, from when the fault was over or nothing in the way of
  those it didn't hit;
- each batch of an update was written once, and all that background work writes by the process whose term it is (processes/audit.py);
- a queued job is begun within 15 s; who had the background work and died or was stopped is replaced within 15 s;
- a process that has been stopped for 10 s holds no lock in the database but its name's;
- every process lives, and is behind the balancer again.

Prints a line for each round, and at the end what was wrong; the exit status is 1 if something was. --keep has the logs and
configuration files in FOLDER afterwards.
"""
import argparse
import json
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "examples" / "demo"), str(PROJECT / "tests" / "processes")]

from audit import COUNTED, Audit  # noqa: E402
from engines import Redis  # noqa: E402
from faults import FAULTS, World  # noqa: E402
from load import CLIENT, Client, GONE, Reader, Writer  # noqa: E402
from processes import Processes  # noqa: E402

PROCESSES = 3
ROOMS = 3  # that are written into
OTHER_ROOMS = 40  # for the updates to count
WRITERS = 4
READERS = 4
PAUSE = 0.05  # seconds between two messages of one writer, on average
LONGEST_OUTAGE = 10  # seconds
LONGEST_CATCHING_UP = 15  # seconds, of the readers when the writers rest
LONGEST_QUEUE = 15  # seconds that a job waits for its first batch
SECRET = "only for this run"
# On what a crash leaves of it rests what is looked for here.
POSTGRESQL = ("synchronous_commit=on", "autovacuum=on", "shared_buffers=64MB")
CONFIGURATION = """server_name: localhost
%s
enable_registration: true
enable_registration_without_verification: true
registration_shared_secret: %s
module_path: %s
background_updates: {background_update_duration_ms: 2, sleep_duration_ms: 100, min_batch_size: 1, default_batch_size: 2}
modules:
  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: []}}
"""
TICKING = "  - {module: ticking.Ticking, config: {}}\n"


class Chaos:
    def __init__(self, processes, seed):
        self.processes, self.seed = processes, seed
        self.has_ticks = (processes.build / "modules/ticking.so").exists()
        self.audit = Audit(processes.postgresql, self.has_ticks)
        self.world = World(processes, self.audit, random.Random(seed))
        self.position = 0  # in the stream, up to which everything is checked
        self.told = set()  # texts of the messages in the database
        self.jobs = 0

    def begin(self):
        Audit.create_roles(self.processes.postgresql, [server.name for server in self.processes.servers])
        for server in self.processes.servers:
            server.database = "database: %s\n" % self.processes.postgresql.section(server.name)
            server.configure_place()
        text = CONFIGURATION % (self.processes.place, SECRET, self.processes.build / "modules")
        self.processes.configuration.write_text(text + (TICKING if self.has_ticks else ""))
        self.processes.start()
        self.populate()
        self.audit.begin()
        for worker in self.readers + self.writers:
            worker.start()

    def register(self, name):
        body = {"username": name, "password": "pw of this run", "auth": {"type": "m.login.dummy"}}
        return self.processes.expect_ok("POST", CLIENT + "/register", body)["access_token"]

    def populate(self):
        balanced, direct = [self.processes.base], [server.base for server in self.processes.servers]
        self.admin = Client(balanced, self.processes.register_admin("root", "pw", SECRET), random.Random(self.seed))
        writers = [self.register("writer%d" % number) for number in range(WRITERS)]
        readers = [self.register("reader%d" % number) for number in range(READERS)]
        create = {"preset": "public_chat"}
        self.rooms = [self.processes.expect_ok("POST", CLIENT + "/createRoom", create, writers[0])["room_id"] for _ in range(ROOMS)]
        for _ in range(OTHER_ROOMS):
            self.processes.expect_ok("POST", CLIENT + "/createRoom", {}, writers[0])
        for token in writers[1:] + readers:
            for room in self.rooms:
                self.processes.expect_ok("POST", CLIENT + "/join/" + room, {}, token)
        self.writers = [Writer("writer%d" % number, balanced, token, self.seed + number, self.rooms, PAUSE)
                        for number, token in enumerate(writers)]
        self.readers = [Reader("reader%d" % number, direct if number % 2 else balanced, token, self.seed + number, self.rooms)
                        for number, token in enumerate(readers)]
        self.balanced_readers = self.readers[::2]
        for reader in self.readers:
            reader.begin()

    def run_round(self, name, seconds):
        """What is wrong, and a line of figures."""
        began = time.monotonic()
        before = len(self.told)
        for worker in self.readers + self.writers:
            worker.waits, worker.repeated = [], 0
        self.slowest = 0.0  # from an acknowledgement until a reader was told
        batches, ticks = self.audit.batches, self.audit.ticks
        self.live_until(began + self.world.chance.uniform(3, 8))
        fault = FAULTS[name]()
        fault_began = time.monotonic()
        text = fault.begin(self.world)
        self.live_until(max(began + seconds - 5, time.monotonic() + 10))
        found = self.complaints_of_processes() + self.complaints_at_rest(fault.over) + self.world.complaints + self.audit.complaints()
        self.world.complaints = []
        waits = [answered - (max(asked, fault.over) if answered > fault_began else asked)
                 for worker in self.writers + self.balanced_readers for asked, answered in worker.waits]
        if max(waits) > LONGEST_OUTAGE:
            found.append("somebody waited %.1f s for an answer" % max(waits))
        if self.slowest > LONGEST_OUTAGE:
            found.append("a reader was told of a message after %.1f s" % self.slowest)
        for worker in self.readers + self.writers:
            found += worker.complaints
            worker.complaints = []
        repeated = sum(worker.repeated for worker in self.readers + self.writers)
        figures = (text, len(self.told) - before, repeated, max(waits), self.slowest, self.audit.batches - batches,
                   self.audit.ticks - ticks, time.monotonic() - began)
        return found, ("%s: %d messages, %d requests repeated, longest wait %.1f s, slowest sync %.1f s, %d batches, %d ticks; %.0f s"
                       % figures)

    def live_until(self, end):
        """With jobs queued meanwhile."""
        while time.monotonic() < end:
            self.queue_job()
            time.sleep(1)

    def queue_job(self):
        """By a process that may not be the one that has to do it."""
        try:
            status, answer = self.admin.request("POST", "/_synapse/admin/v1/background_updates/start_job", {"job_name": COUNTED})
        except GONE:
            return
        if status == 200:
            self.jobs += 1
        elif status == 400 and "already" not in answer["error"]:
            self.world.complaints.append("a job isn't queued: %s" % answer)

    def complaints_of_processes(self):
        found = []
        for server in self.processes.servers:
            if not server.is_running():
                found.append("%s ended by itself, with status %d: %s" % (server.name, server.process.poll(), server.logged()[-500:]))
        until = time.monotonic() + LONGEST_OUTAGE
        while len(self.processes.balanced()) < PROCESSES and time.monotonic() < until:
            time.sleep(0.2)
        missing = {server.name for server in self.processes.servers} - set(self.processes.balanced())
        if missing:
            found.append("/health doesn't answer 200: %s" % ", ".join(sorted(missing)))
        return found

    def complaints_at_rest(self, over):
        """The writers rest meanwhile, so that all have seen everything."""
        found = []
        for writer in self.writers:
            writer.may_write.clear()
        for writer in self.writers:
            if not writer.rests.wait(LONGEST_CATCHING_UP):
                found.append("%s isn't answered" % writer.name)
        rows = self.processes.postgresql.query(
            "SELECT stream_position, room_id, event_id, pdu::json->'content'->>'body' FROM events WHERE type = 'm.room.message' "
            "AND stream_position > %d ORDER BY stream_position" % self.position)
        self.position = max([self.position] + [int(row[0]) for row in rows])
        found += self.complaints_of_database(rows) + self.complaints_of_readers(rows, over) + self.complaints_of_messages(rows)
        found += self.complaints_of_queue()
        for writer in self.writers:
            writer.may_write.set()
        return found

    def complaints_of_database(self, rows):
        stored, found = {}, []
        for _, room, event_id, text in rows:
            if text in self.told:
                found.append("%s is in the database twice" % text)
            self.told.add(text)
            stored[text] = (room, event_id)
        for writer in self.writers:
            for text, acknowledged in writer.acknowledged.items():
                if stored.pop(text, None) != acknowledged and text not in writer.checked:
                    found.append("%s was acknowledged as %s and isn't there" % (text, acknowledged))
                writer.checked.add(text)
        found += ["%s is there and was never acknowledged" % text for text in stored]
        return found

    def complaints_of_readers(self, rows, over):
        wanted = {room: [row[2] for row in rows if row[1] == room] for room in self.rooms}
        until = time.monotonic() + LONGEST_CATCHING_UP
        while any(reader.count() < len(rows) for reader in self.readers) and time.monotonic() < until:
            time.sleep(0.1)
        found = []
        acknowledged_at = {}
        for writer in self.writers:
            acknowledged_at.update(writer.acknowledged_at)
            writer.acknowledged_at = {}
        for reader in self.readers:
            seen_by_room, seen_at = reader.take_seen()
            if reader not in self.balanced_readers:  # they wait for a process that stands still
                seen_at = {}
            self.slowest = max([self.slowest] + [
                when - (max(acknowledged_at[event], over) if when > over else acknowledged_at[event])
                for event, when in seen_at.items() if event in acknowledged_at])
            for room, seen in seen_by_room.items():
                if seen == wanted[room]:
                    continue
                missing, twice = len(set(wanted[room]) - set(seen)), len(seen) - len(set(seen))
                found.append("the syncs of %s in %s: %d events missing, %d twice, %d not stored%s" % (
                    reader.name, room, missing, twice, len(set(seen) - set(wanted[room])),
                    "" if missing or twice else ", in another order"))
        return found

    def complaints_of_messages(self, rows):
        found = []
        for room in self.rooms:
            wanted = [row[2] for row in rows if row[1] == room]
            seen, path = [], "%s/rooms/%s/messages?dir=b&limit=500" % (CLIENT, room)
            begin = ""
            while len(seen) < len(wanted):
                answer = self.processes.expect_ok("GET", path + begin, None, self.writers[0].client.token)
                seen += [event["event_id"] for event in answer["chunk"] if event["type"] == "m.room.message"]
                if "end" not in answer:
                    break
                begin = "&from=" + answer["end"]
            if seen[:len(wanted)] != wanted[::-1]:
                found.append("/messages of %s has other events than the database" % room)
        return found

    def complaints_of_queue(self):
        """Whether a job is begun, whoever was told of it."""
        until = time.monotonic() + LONGEST_QUEUE
        while time.monotonic() < until:
            rows = self.processes.postgresql.query("SELECT progress_json FROM background_updates WHERE update_name = '%s'" % COUNTED)
            if not rows or json.loads(rows[0][0]):
                return []
            time.sleep(0.2)
        return ["the job %s is queued and isn't begun" % COUNTED]

    def end(self):
        found = []
        for worker in self.readers + self.writers:
            worker.is_stopped = True
        for worker in self.readers + self.writers:
            worker.join(LONGEST_CATCHING_UP)
        status = self.processes.stop()
        if status != 0:
            found.append("SIGTERM: exit status %d" % status)
        for server in self.processes.servers:
            found += ["%s: %s" % (server.name, line) for line in server.logged().splitlines() if " critical " in line]
        return found


def faults_of(rounds, chance, has_redis):
    names = [name for name in FAULTS if has_redis or name in ("kill", "stop", "postgresql")]
    cycles = [chance.sample(names, len(names)) for _ in range(0, rounds, len(names))]
    return sum(cycles, [])[:rounds]


def interrupt(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt  # which ends what was started


def main():
    arguments = argparse.ArgumentParser(description="Three processes, of which something breaks in every round.")
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--rounds", type=int, default=30)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("--fault", choices=FAULTS, help="this one in every round")
    arguments.add_argument("--no-redis", action="store_true", help="the bus is NOTIFY, and no round's fault is Redis")
    arguments.add_argument("--keep", type=pathlib.Path, help="a folder for logs and configuration files")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    wrong = 0
    print("seed %d" % given.seed, flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos_") as folder:
        try:
            has_redis = Redis.is_installed() and not given.no_redis
            with Processes(given.build.resolve(), folder, PROCESSES, balance="random", settings=POSTGRESQL,
                           has_redis=has_redis) as processes:
                chaos = Chaos(processes, given.seed)
                chaos.begin()
                names = faults_of(given.rounds, random.Random(given.seed), has_redis)
                for number, name in enumerate([given.fault] * given.rounds if given.fault else names, 1):
                    found, figures = chaos.run_round(name, given.seconds)
                    wrong += len(found)
                    print("\n".join(["%2d. %s" % (number, figures)] + ["    WRONG: " + line for line in found]), flush=True)
                found = chaos.end()
                wrong += len(found)
                print("\n".join("WRONG: " + line for line in found))
                print("%d rounds, %d messages, %d jobs, %d batches, %d ticks: %s" % (
                    given.rounds, len(chaos.told), chaos.jobs, chaos.audit.batches, chaos.audit.ticks,
                    "%d things wrong" % wrong if wrong else "nothing wrong"))
        finally:
            if given.keep:
                shutil.copytree(folder, given.keep, dirs_exist_ok=True,
                                ignore=lambda _, names: [name for name in names if not name.endswith((".log", ".yaml", ".cfg"))])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
