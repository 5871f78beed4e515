"""What a module that hangs costs where its operator has limited it: how fast the calls are answered that it hangs in, and what
other requests of the server feel of them (hanging_check.cpp).
"""

import statistics
import time

from server_load import prepare, run_wrk
from server_process import CLIENT, SERVER_NAME, SETTINGS, Connection, Failed, MeasuredServer, Senders

DEADLINE = 0.3  # seconds
LONGEST_CUT = 400  # milliseconds, of a call that the deadline cuts
LONGEST_KEPT_OUT = 5  # milliseconds, of one that an open breaker doesn't let through
FAILURES = 5  # open the breaker
KEPT_OUT = 100  # calls that are measured then
ANSWERS = {"contract": 500, "accept": 200, "reject": 403, "tempfail": 503}
CONNECTIONS = 64
HANGING_A_SECOND = 20
RUNS = 5
LARGEST_MEDIAN_RATIO = 1.1
LARGEST_P99_RATIO = 1.5
WHOAMI = CLIENT + "/account/whoami"
MODULE = """
modules:
  - module: hanging_check.HangingCheck
    callbacks:
      deadline: 300ms
      on_failure: %s%s
"""
BREAKER = "\n      breaker: {failures: %d, within: 1m, open: 10m}" % FAILURES


def limited_server(build, folder, module):
    server = MeasuredServer(build, folder)
    (server.folder / "homeserver.yaml").write_text(SETTINGS % (SERVER_NAME, server.build / "modules") + module)
    return server


def send_hanging(connection, room, name):
    """(milliseconds, status)"""
    took, status, _ = connection.exchange("PUT", "%s/rooms/%s/send/m.room.message/%s" % (CLIENT, room, name), '{"msgtype":"m.text","body":"hang"}')
    return took, status


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measure_cuts(build, folder):
    """Whether calls that hang are answered in time, with what their operator wants."""
    print("| on_failure | answer | slowest that the deadline of %d ms cuts, ms | behind the open breaker: median, ms | p95, ms |" % (DEADLINE * 1000))
    print("|---|---:|---:|---:|---:|")
    fine = True
    for outcome, expected in ANSWERS.items():
        with limited_server(build, folder / outcome, MODULE % (outcome, BREAKER)) as server:
            token = server.register("alice")
            room = server.expect_ok("POST", CLIENT + "/createRoom", {}, token)["room_id"]
            with Connection(server.base, token) as connection:
                cut = [send_hanging(connection, room, "cut-%d" % number) for number in range(FAILURES)]
                kept_out = [send_hanging(connection, room, "out-%d" % number) for number in range(KEPT_OUT)]
        statuses = {status for _, status in cut + kept_out}
        if statuses != {expected}:
            raise Failed("on_failure: %s is answered with %s" % (outcome, sorted(statuses)))
        slowest = max(took for took, _ in cut)
        times = [took for took, _ in kept_out]
        print("| %s | %d | %.0f | %.2f | %.2f |" % (outcome, expected, slowest, statistics.median(times), percentile(times, 0.95)), flush=True)
        fine = fine and slowest <= LONGEST_CUT and percentile(times, 0.95) <= LONGEST_KEPT_OUT
    return fine


class HangingSenders(Senders):
    """So many messages a second that the check hangs in, of somebody else in a room of their own. There are more connections than
    calls that hang at once: the rate is that of the clock.
    """

    def __init__(self, server, token):
        super().__init__(int(HANGING_A_SECOND * DEADLINE * 2))
        self.server, self.token = server, token
        self.room = server.expect_ok("POST", CLIENT + "/createRoom", {}, token)["room_id"]

    def send(self, index):
        interval = len(self.threads) / HANGING_A_SECOND
        due = time.monotonic() + interval * index / len(self.threads)
        sent = 0
        with Connection(self.server.base, self.token) as connection:
            while not self.stopping.wait(max(0, due - time.monotonic())):
                send_hanging(connection, self.room, "%d-%d-%d" % (id(self), index, sent))
                sent += 1
                due = max(due + interval, time.monotonic())


def measure_others(build, folder, seconds, runs):
    """Whether whoami and sync are as fast beside a module that hangs as without it, under the same load."""
    print("| request | median without the module, ms | with it | ratio | p99 without, ms | with | ratio |\n|---|---:|---:|---:|---:|---:|---:|")
    fine = True
    with limited_server(build, folder / "without", "") as without, limited_server(build, folder / "with", MODULE % ("accept", "")) as hanging:
        requests = {}
        senders = {}
        for server in (without, hanging):
            prepared = prepare(server)
            token = prepared["sync"][0]
            requests[server] = {"whoami": [token, "GET", WHOAMI], "sync": prepared["sync"]}
            senders[server] = server.register("carol")
        for name in ("whoami", "sync"):
            results = {without: [], hanging: []}
            for _ in range(runs):
                for server in (without, hanging):
                    with HangingSenders(server, senders[server]):
                        results[server].append(run_wrk(server, CONNECTIONS, seconds, requests[server][name]))
            median = [statistics.median(result["p50_ms"] for result in results[server]) for server in (without, hanging)]
            p99 = [statistics.median(result["p99_ms"] for result in results[server]) for server in (without, hanging)]
            ratios = median[1] / median[0], p99[1] / p99[0]
            print("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |" % (name, *median, ratios[0], *p99, ratios[1]), flush=True)
            fine = fine and ratios[0] <= LARGEST_MEDIAN_RATIO and ratios[1] <= LARGEST_P99_RATIO
    return fine


def measure(build, folder, seconds, runs):
    are_cut = measure_cuts(build, folder)
    print()
    return measure_others(build, folder, seconds, runs) and are_cut
