"""Measures the reference homeserver over HTTP: see bench/server.

usage: server_measure.py BUILD_FOLDER [--quick]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import server_changing
import server_crowd
import server_databases
import server_hanging
import server_load
import server_reading
import server_scale
from server_process import Failed


def main():
    arguments = argparse.ArgumentParser(description="Measures the reference homeserver over HTTP.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--quick", action="store_true", help="only show that everything runs; no limit is checked")
    given = arguments.parse_args()
    build = given.build.resolve()
    seconds, rooms, rounds, transactions = (1, 300, 20, 3) if given.quick else (5, 10000, 1000, 100)
    with tempfile.TemporaryDirectory() as folder:
        try:
            server_load.measure(build, Path(folder), seconds)
            print()
            fine = server_scale.measure(build, Path(folder), rooms, rounds)
            print(flush=True)
            databases_hold = server_databases.measure(build, Path(folder), given.quick)
            print(flush=True)
            crowds_hold = server_crowd.measure(build, Path(folder), given.quick)
            print(flush=True)
            readers_hold = server_reading.measure(build, Path(folder), given.quick)
            print(flush=True)
            cuts_hold = server_hanging.measure(build, Path(folder), seconds, 1 if given.quick else server_hanging.RUNS)
            print(flush=True)
            changes_hold = server_changing.measure(build, Path(folder), seconds * 4, 20 if given.quick else server_changing.SHADOWED_CALLS)
            print(flush=True)
            subprocess.run([build / "bin" / "homeserver_federation_load", str(transactions)], check=True)
        except (Failed, subprocess.CalledProcessError) as failure:
            print("FAILED: %s" % failure, file=sys.stderr)
            return 1
    if given.quick:
        return 0
    print("\n%s: a median of at most %.1f times the empty server's" % ("held" if fine else "BROKEN", server_scale.LARGEST_RATIO))
    print("%s: PostgreSQL at least %.1f times SQLite's rate; 64 connections send at least %.1f times what one does, and %.2f times what 8 do" % (
        "held" if databases_hold else "BROKEN", server_databases.SMALLEST_RATIO, server_databases.SMALLEST_GAIN, server_databases.SMALLEST_SHARE))
    print("%s: a message into a room of %d at most %.1f times the time of one into a room of one" % (
        "held" if crowds_hold else "BROKEN", server_crowd.MEMBERS, server_crowd.LARGEST_RATIO))
    print("%s: whoami while %d users send at most %.1f times alone (p99); a page of messages beside others' events at most %.1f times" % (
        "held" if readers_hold else "BROKEN", server_reading.SENDERS, server_reading.LARGEST_WHOAMI_RATIO, server_reading.LARGEST_MESSAGES_RATIO))
    print("%s: a call that hangs is cut within %d ms, one behind an open breaker answered within %d ms; others' median at most %.1f times, p99 %.1f times" % (
        "held" if cuts_hold else "BROKEN", server_hanging.LONGEST_CUT, server_hanging.LONGEST_KEPT_OUT,
        server_hanging.LARGEST_MEDIAN_RATIO, server_hanging.LARGEST_P99_RATIO))
    print("%s: no request fails while modules change, the memory grows by at most %.0f %% for it; a message beside a module in shadow mode takes at most %.1f times as long" % (
        "held" if changes_hold else "BROKEN", server_changing.LARGEST_GROWTH * 100, server_changing.LARGEST_RATIO))
    return 0 if fine and databases_hold and crowds_hold and readers_hold and cuts_hold and changes_hold else 1


sys.exit(main())
