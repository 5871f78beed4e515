#!/usr/bin/env python3
"""Asks the same of one process, and of three behind a balancer that gives each request to any of them: the answers are the same, and
so is what the modules were asked.

usage: processes_contract.py BUILD_FOLDER

The operations (processes/operations.py) reach every endpoint and each kind of answer that the probe modules give. Statuses and bodies
are compared but for times, tokens and ids, of which it counts that they are the same where they were. The probes' journals are read
from each process directly: what the three were asked together is what the one was asked; but for on_new_event, of which each process
is told. Exit status 77: haproxy is missing, nothing was tested.
"""
import collections
import difflib
import json
import pathlib
import sys
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "examples" / "demo"), str(PROJECT / "tests" / "processes")]

from operations import Recorder, do_all  # noqa: E402
from processes import Processes  # noqa: E402
from server import Server  # noqa: E402
from signing_peer import SigningPeer  # noqa: E402

SKIPPED = 77
LONGEST_WAIT = 10  # seconds, for callbacks behind the answers
CONFIGURATION = """server_name: localhost
%s
enable_registration: true
enable_registration_without_verification: true
registration_shared_secret: only for this run
login_via_existing_session: {enabled: true, require_ui_auth: false}
user_directory: {enabled: true, search_all_users: true}
email: {sink_path: mails.jsonl}
module_path: %s
modules:
  - {module: probe.Probe, config: {name: a}}
  - {module: probe.Probe, config: {name: b}}
"""
HEARD_BY_EACH = {"on_new_event"}  # on each process
NOT_COMPARED = {"device_id", "event_id", "room_id", "user_agent", "ip", "session"}


def journals(do):
    """Of each probe and process how often it was asked what."""
    found = {}
    for name in ("a", "b"):
        for number, each in enumerate(do.server.each()):
            asked = collections.Counter()
            for record in each.expect_ok("GET", "/_synapse/client/probe/" + name)["journal"]:
                shown = {key: value for key, value in record.items() if key not in NOT_COMPARED}
                asked[json.dumps(do.comparable(shown), sort_keys=True)] += 1
            found[name, number] = asked
    return found


def settled_journals(do):
    """When nothing is added any more, and each process has heard of what each hears of."""
    until = time.monotonic() + LONGEST_WAIT
    before, now = None, journals(do)
    while (now != before or differs_between_processes(now)) and time.monotonic() < until:
        time.sleep(0.5)
        before, now = now, journals(do)
    return now


def differs_between_processes(found):
    heard = collections.defaultdict(list)
    for (name, _), asked in found.items():
        heard[name].append({record: count for record, count in asked.items() if is_heard_by_each(record)})
    return any(each != of_all[0] for of_all in heard.values() for each in of_all)


def is_heard_by_each(record):
    return json.loads(record)["callback"] in HEARD_BY_EACH


def differences_of_journals(alone, together):
    found = []
    for name in ("a", "b"):
        wanted = alone[name, 0]
        of_each = [asked for (of, _), asked in together.items() if of == name]
        united = sum(of_each, collections.Counter())
        for record in sorted(set(wanted) | set(united)):
            if is_heard_by_each(record):
                counts = [asked[record] for asked in of_each]
                if counts != [wanted[record]] * len(counts):
                    found.append("probe %s, asked %d times, of the processes %s: %s" % (name, wanted[record], counts, record))
            elif wanted[record] != united[record]:
                found.append("probe %s, asked %d times, the processes %d times: %s" % (name, wanted[record], united[record], record))
    return found


def differences_of_answers(alone, together):
    found = []
    if len(alone) != len(together):
        found.append("%d operations, and %d with several processes" % (len(alone), len(together)))
    for one, other in zip(alone, together):
        if one == other:
            continue
        texts = [json.dumps(record, indent=1, sort_keys=True).splitlines() for record in (one, other)]
        found.append("%s: %d, with several processes %d\n%s" % (one[0], one[1], other[1], "\n".join(
            line for line in difflib.unified_diff(*texts, lineterm="", n=1) if not line.startswith(("---", "+++")))))
    return found


def ask_all(server):
    peer = SigningPeer(server.folder)
    server.configuration.write_text(CONFIGURATION % (server.place, server.build / "modules") + peer.configuration)
    server.start()
    do = Recorder(server, peer)
    do_all(do)
    asked = settled_journals(do)
    if server.stop() != 0:
        sys.exit("the server did not stop cleanly")
    return do.records, asked


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    if not Processes.can_be_balanced():
        print("SKIPPED: haproxy is missing (Debian: apt-get install haproxy)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder, open(folder + "/log", "w") as log:
        server = Server(build, folder, 0, log)
        try:
            alone = ask_all(server)
        finally:
            if server.is_running():
                server.kill()
    with tempfile.TemporaryDirectory() as folder, Processes(build, folder, 3, balance="random(1)") as processes:
        together = ask_all(processes)
    found = differences_of_answers(alone[0], together[0]) + differences_of_journals(alone[1], together[1])
    print("\n".join(found + ["%d operations, %d records of the probes: %s" % (
        len(alone[0]), sum(sum(asked.values()) for asked in alone[1].values()),
        "%d differences" % len(found) if found else "the same by one process and by three")]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
