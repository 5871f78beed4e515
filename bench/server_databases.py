"""What the reference homeserver answers on PostgreSQL beside SQLite, and what more connections bring."""

import statistics
from contextlib import ExitStack

import server_load
from server_crowd import DATABASES, populated

CONNECTIONS = 8
LIMITED = ("whoami", "messages", "send")
SMALLEST_RATIO = 0.5  # of SQLite's rate
TURNS = 5
SEND_CONNECTIONS = (1, 8, 64)
SMALLEST_GAIN = 3.0  # of 64 connections that send, over one
SMALLEST_SHARE = 0.95  # and of 8


def rate(server, name, connections, seconds, turn):
    result = server_load.run_wrk(server, connections, seconds, server.sends[name] + ["%s-%d-%d" % (name, connections, turn)])
    return result["requests"] / result["seconds"]


def measure(build, folder, quick):
    """Prints the tables; whether all limits hold."""
    seconds, turns = (1, 1) if quick else (3, TURNS)
    fine = True
    with ExitStack() as stack:
        servers = {}
        for name in DATABASES:
            servers[name] = stack.enter_context(populated(build, folder / ("databases_" + name), name, 0))
            servers[name].sends = server_load.prepare(servers[name])
            servers[name].sends["whoami"] = [servers[name].sends["send"][0], "GET", server_load.CLIENT + "/account/whoami"]
        print("| request, %d connections | requests/s, sqlite3 | postgresql | ratio |\n|---|---:|---:|---:|" % CONNECTIONS)
        for what in ("whoami", "messages", "sync", "send"):  # a sync of one message, before there are more
            rates = {name: [] for name in servers}
            for turn in range(turns):
                for name, server in servers.items():
                    rates[name].append(rate(server, what, CONNECTIONS, seconds, turn))
            sqlite, other = (statistics.median(rates[name]) for name in servers)
            fine = fine and (what not in LIMITED or other >= SMALLEST_RATIO * sqlite)
            print("| %s | %.0f | %.0f | %.2f |" % (what, sqlite, other, other / sqlite), flush=True)
        print("\n| send, sqlite3, connections | requests/s | ratio to 1 |\n|---:|---:|---:|")
        rates = {connections: [] for connections in SEND_CONNECTIONS}
        for turn in range(turns):
            for connections in SEND_CONNECTIONS:
                rates[connections].append(rate(servers["sqlite3"], "send", connections, seconds, 100 + turn))
        medians = [statistics.median(rates[connections]) for connections in SEND_CONNECTIONS]
        for connections, median in zip(SEND_CONNECTIONS, medians):
            print("| %d | %.0f | %.2f |" % (connections, median, median / medians[0]), flush=True)
    return fine and medians[2] >= SMALLEST_GAIN * medians[0] and medians[2] >= SMALLEST_SHARE * medians[1]
