"""How long a message takes from one process to the others over each bus, and what it costs; how long a changed value is stale elsewhere.

usage: bus_measure.py BUILD_FOLDER [--quick] [--listeners COUNT]
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server_process import Postgresql, Redis

RATES = (100, 1000, 5000, 0)  # messages a second; 0: as fast as they are heard


@contextlib.contextmanager
def postgresql(folder):
    """What bus_load is told, and the server's process."""
    server = Postgresql(folder)
    with server:
        host = server.host
        process = int((host / "data/postmaster.pid").read_text().split()[0])
        yield "host='%s' user=modapi dbname=postgres" % host, process


def processor_seconds(server):
    """Of the server's process, and of its children, those that have ended too."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            of_server, of_child = stat.parent.name == str(server), words[1] == str(server)
            ticks += sum(map(int, words[11:15])) if of_server else sum(map(int, words[11:13])) if of_child else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(engine, at, server, rate, given):
    seconds = 1 if given.quick else 10
    before = processor_seconds(server)
    done = subprocess.run([given.build / "bin/bus_load", engine, at, str(rate), str(seconds), str(given.listeners)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit("FAILED: " + done.stderr)
    found = json.loads(done.stdout)
    of_server = (processor_seconds(server) - before) * 1e6 / (found["messages_per_second"] * seconds)
    print("| %s | %s | %.0f | %.2f | %.2f | %.2f | %.0f | %.0f |" % (
        engine, rate or "all", found["messages_per_second"], found["p50_ms"], found["p99_ms"], found["max_ms"],
        found["processor_us"], of_server), flush=True)


def stale(build, connection, redis_socket, changes, end_connections=None):
    """What stale_load found; `end_connections` is called 20 times meanwhile."""
    pause = 0 if end_connections is None else 500
    load = subprocess.Popen([build / "bin/stale_load", connection, redis_socket, str(changes), str(pause)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    ended = 0
    while load.poll() is None and end_connections is not None and ended < 20:
        time.sleep(1)
        ended += end_connections()
    output, errors = load.communicate()
    if load.returncode != 0:
        raise SystemExit("FAILED: " + errors)
    return json.loads(output), ended


def measure_stale(given):
    changes = 50 if given.quick else 1000
    print("\n| bus | connections ended | changes | p50, ms | p99, ms | longest, ms | stale reads behind the first new one |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with contextlib.ExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        connection, _ = servers.enter_context(postgresql(folder))
        has_redis = Redis.is_installed()
        socket = servers.enter_context(Redis(folder))[0] if has_redis else None

        def end_of_postgresql():
            found = subprocess.run(["psql", connection, "-Atc", "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                    "WHERE application_name = 'modapi bus'"], capture_output=True, text=True, check=True)
            return 1 if int(found.stdout) else 0

        def end_of_redis():
            found = subprocess.run(["redis-cli", "-s", socket, "CLIENT", "KILL", "TYPE", "pubsub"],
                                   capture_output=True, text=True, check=True)
            return 1 if int(found.stdout) else 0

        for engine, at, end in (("postgresql", "-", None), ("redis", socket, None), ("postgresql", "-", end_of_postgresql),
                                ("redis", socket, end_of_redis)):
            if engine == "redis" and not has_redis:
                continue
            found, ended = stale(given.build, connection, at, changes if end is None else min(changes, 40), end)
            print("| %s | %d | %d | %.1f | %.1f | %.1f | %d |" % (
                engine, ended, found["changes"], found["p50_ms"], found["p99_ms"], found["max_ms"], found["stale_afterwards"]),
                flush=True)
            limit = 50 if end is None else 5000
            if found["stale_afterwards"] or (found["p99_ms"] if end is None else found["max_ms"]) > limit:
                print("That is more than it may be: %d ms, and nothing stale behind the first new value." % limit)


def main():
    arguments = argparse.ArgumentParser(description="Measures the buses between processes.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--quick", action="store_true", help="only show that everything runs")
    arguments.add_argument("--listeners", type=int, default=2, help="processes beside the one that publishes")
    given = arguments.parse_args()
    print("| bus | asked for, messages/s | messages/s | p50, ms | p99, ms | slowest, ms | µs of the processes, each | of the server |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for engine, start in (("postgresql", postgresql), ("redis", Redis)):
        if engine == "redis" and not Redis.is_installed():
            print("\nRedis isn't installed here.")
            continue
        with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as (at, server):
            for rate in RATES:
                measure(engine, at, server, rate, given)
    measure_stale(given)


if __name__ == "__main__":
    sys.exit(main())
