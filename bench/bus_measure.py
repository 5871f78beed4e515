"""How long a message takes from one process to the others over each bus, and what it costs.

usage: bus_measure.py BUILD_FOLDER [--quick] [--listeners COUNT]
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
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


def main():
    arguments = argparse.ArgumentParser(description="Measures the buses between processes.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--quick", action="store_true", help="only show that everything runs")
    arguments.add_argument("--listeners", type=int, default=2, help="processes beside the one that publishes")
    given = arguments.parse_args()
    print("| bus | asked for, messages/s | messages/s | p50, ms | p99, ms | slowest, ms | µs of the processes, each | of the server |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for engine, start in (("postgresql", postgresql), ("redis", Redis)):
        with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as (at, server):
            for rate in RATES:
                measure(engine, at, server, rate, given)


if __name__ == "__main__":
    sys.exit(main())
