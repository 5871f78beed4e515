"""What modules cost that are written in Python, and what others feel when their process dies or hangs.

usage: python_measure.py BUILD_FOLDER [--quick]
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server_process import CLIENT, ROOT, SERVER_NAME, SETTINGS, Connection, Failed, MeasuredServer, Senders

LONGEST_BACK_TO_BACK = 60  # microseconds, median of a check's round trip
LONGEST_AT_1000 = 150  # likewise at 1,000 calls a second
FEWEST_EVENTS = 10_000  # a second, in pages of 100
LARGEST_SHARE = 0.15  # of the messages that the server takes without modules
LONGEST_NOTICE = 10  # milliseconds more, of requests that ask no module
SENDERS = 8
ROUNDS = 3
MODULE = "  - {module: evil_users.ListSpamChecker, config: {evil_users: [\"@mallory%d:bench.test\"]}}\n"
PYTHON = """python: {enabled: true, path: [%s]}
callback_deadline: 1s
modules:
"""


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class Crowd(Senders):
    """People who send, each in a room of their own."""

    def __init__(self, server, people, name):
        super().__init__(len(people))
        self.server, self.people, self.name = server, people, name
        self.sent = [0] * len(people)

    def send(self, index):
        token, room = self.people[index]
        with Connection(self.server.base, token) as connection:
            while not self.stopping.is_set():
                path = "%s/rooms/%s/send/m.room.message/%s-%d" % (CLIENT, room, self.name, self.sent[index])
                connection.timed("PUT", path, '{"msgtype":"m.text","body":"one of many"}')
                self.sent[index] += 1


def python_server(build, folder, modules):
    server = MeasuredServer(build, folder)
    settings = SETTINGS % (SERVER_NAME, server.build / "modules")
    if modules:
        settings += PYTHON % (ROOT / "examples" / "python") + "".join(MODULE % number for number in range(modules))
    (server.folder / "homeserver.yaml").write_text(settings)
    return server


def person_with_room(server, name):
    token = server.register(name)
    return token, server.expect_ok("POST", CLIENT + "/createRoom", {}, token)["room_id"]


def measure_sends(build, folder, seconds):
    """Whether three modules cost little enough of what is taken without them; the two take turns."""
    rates = {0: [], 3: []}
    with python_server(build, folder / "without", 0) as without, python_server(build, folder / "with", 3) as with_modules:
        servers = {0: without, 3: with_modules}
        people = {count: [person_with_room(server, "user%d" % index) for index in range(SENDERS)] for count, server in servers.items()}
        for turn in range(ROUNDS):
            for count, server in servers.items():
                with Crowd(server, people[count], "turn%d" % turn) as crowd:
                    began, before = time.perf_counter(), sum(crowd.sent)
                    time.sleep(seconds)
                    rates[count].append((sum(crowd.sent) - before) / (time.perf_counter() - began))
    share = 1 - max(rates[3]) / max(rates[0])
    print("| %d connections send | messages/s without modules | with three in Python | cost |" % SENDERS)
    print("|---|---:|---:|---:|")
    print("| SQLite, best of %d turns | %.0f | %.0f | %.1f %% |\n" % (ROUNDS, max(rates[0]), max(rates[3]), share * 100), flush=True)
    return share <= LARGEST_SHARE


def python_processes(server):
    """The interpreters that the server has started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = re.search(r"^PPid:\t(\d+)", (entry / "status").read_text(), re.M)
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, AttributeError):
            continue
        if parent and int(parent.group(1)) == server.process.pid and any(b"modapi_bridge" in word for word in words):
            found.append(int(entry.name))
    return found


class Asking(Senders):
    """Somebody who asks who they are, again and again: no module is asked for that."""

    def __init__(self, server, token):
        super().__init__(1)
        self.server, self.token, self.times = server, token, []

    def send(self, index):
        with Connection(self.server.base, self.token) as connection:
            while not self.stopping.is_set():
                self.times.append(connection.timed("GET", CLIENT + "/account/whoami")[0])
                time.sleep(0.001)


def back_again(server, token, room, name):
    """Seconds until the module answers, in a new process."""
    began = time.perf_counter()
    with Connection(server.base, token) as connection:
        number = 0
        while True:
            path = "%s/rooms/%s/send/m.room.message/%s-%d" % (CLIENT, room, name, number)
            if connection.exchange("PUT", path, '{"msgtype":"m.text","body":"is it back?"}')[1] == 200:
                return time.perf_counter() - began
            if time.perf_counter() - began > 30:
                raise Failed("the module in Python doesn't come back")
            number += 1
            time.sleep(0.01)


def measure_deaths(build, folder, deaths):
    """Whether those who ask no module notice little of it."""
    fine = True
    print("| whoami of somebody else | p50, ms | p99, ms | longest, ms | the module is back after, s |")
    print("|---|---:|---:|---:|---:|")
    with python_server(build, folder / "deaths", 1) as server:
        token, room = person_with_room(server, "alice")
        with Asking(server, server.register("bob")) as alone:
            time.sleep(deaths / 2)
        quiet = percentile(alone.times, 0.99)
        print("| while all is well | %.2f | %.2f | %.2f | |" % (percentile(alone.times, 0.5), quiet, max(alone.times)))
        for name, number in (("killed", signal.SIGKILL), ("stopped", signal.SIGSTOP)):
            back = []
            with Asking(server, server.register(name)) as asking:
                for death in range(deaths):
                    for process in python_processes(server):
                        os.kill(process, number)
                    back.append(back_again(server, token, room, "%s%d" % (name, death)))
                    time.sleep(0.1)
            noticed = percentile(asking.times, 0.99)
            fine = fine and noticed <= quiet + LONGEST_NOTICE
            print("| its process is %s, %d times | %.2f | %.2f | %.2f | %.2f |" % (
                name, deaths, percentile(asking.times, 0.5), noticed, max(asking.times), percentile(back, 0.5)), flush=True)
    print()
    return fine


def on_one_processor():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def round_trip_holds(build, calls, place, limited=None):
    printed = subprocess.run([build / "bin" / "python_bridge_round_trip", str(calls)], check=True, capture_output=True, text=True,
                             preexec_fn=limited).stdout
    lines = [line for line in printed.splitlines() if not line.startswith("[")]
    print("%s:\n\n```\n%s\n```\n" % (place, "\n".join(lines)), flush=True)
    medians = [float(number) for number in re.findall(r"median +([0-9.]+) us", printed)]
    events = float(re.search(r"([0-9.]+) events/s", printed).group(1))
    return medians[0] <= LONGEST_BACK_TO_BACK and medians[1] <= LONGEST_AT_1000 and events >= FEWEST_EVENTS


def measure_round_trip(build, calls):
    """On one processor it is what the two programs do. On two of which each sleeps while the other computes it is also what waking
    them takes, which is the machine's: shown, and held to no limit."""
    holds = round_trip_holds(build, calls, "on one processor", on_one_processor)
    round_trip_holds(build, calls, "where the system puts the two")
    return holds


def main():
    arguments = argparse.ArgumentParser(description="Measures what modules in Python cost.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--quick", action="store_true", help="only show that everything runs; no limit is checked")
    given = arguments.parse_args()
    build = given.build.resolve()
    with tempfile.TemporaryDirectory() as folder:
        try:
            results = [
                measure_round_trip(build, 300 if given.quick else 5000),
                measure_sends(build, Path(folder), 0.5 if given.quick else 4),
                measure_deaths(build, Path(folder), 2 if given.quick else 10),
            ]
        except (Failed, subprocess.CalledProcessError) as failure:
            print("FAILED: %s" % failure, file=sys.stderr)
            return 1
    if given.quick:
        return 0
    fine = all(results)
    print("%s: a round trip of at most %d us, %d us at 1,000 a second; %d events/s; three modules cost at most %d %% of the messages; "
          "others wait at most %d ms more" % ("held" if fine else "BROKEN", LONGEST_BACK_TO_BACK, LONGEST_AT_1000, FEWEST_EVENTS,
                                              LARGEST_SHARE * 100, LONGEST_NOTICE))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
