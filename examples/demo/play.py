"""Starts the reference homeserver with the example modules; with --demo, plays the tour by itself; with
--callbacks, fires all callbacks and prints a table of what proves each. With --processes as several processes behind a balancer.

usage: play.py BUILD_FOLDER [--demo | --callbacks] [--port N] [--processes N]
"""

import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import callbacks
import service
import tour
from processes import Processes
from server import Failed, Server

USERS = ("alice", "bob", "carol", "mallory", "trudy", "auditor")
GUESTS = ("bob", "mallory", "trudy")  # of alice's room
PASSWORD = "only for the tour"
LONGEST_WAIT = 5  # seconds, for a line of the log
UNTIL_RESTARTED = 10  # seconds


def prepare(server):
    """Users, a room and the audit room: needed before the modules are, because one of them is configured with the room's id."""
    tokens = {}
    for user in USERS:
        tokens[user] = server.expect_ok("POST", tour.CLIENT + "/register", {
            "username": user, "password": PASSWORD, "auth": {"type": "m.login.dummy"}})["access_token"]
    tokens["operator"] = server.register_admin("operator", PASSWORD, tour.SHARED_SECRET)
    create = {"preset": "private_chat", "name": "Lounge", "invite": ["@%s:localhost" % guest for guest in GUESTS]}
    room = server.expect_ok("POST", tour.CLIENT + "/createRoom", create, tokens["alice"])["room_id"]
    for user in GUESTS:
        server.expect_ok("POST", tour.CLIENT + "/join/" + room, {}, tokens[user])
    audit_room = server.expect_ok("POST", tour.CLIENT + "/createRoom", {"name": "Audit"}, tokens["auditor"])["room_id"]
    return {"tokens": tokens, "room": room, "audit_room": audit_room}


def world_of(server):
    """What `prepare` made, now or at an earlier run in the same folder."""
    known = server.folder / "world.json"
    if known.exists():
        world = json.loads(known.read_text())
        if "trudy" in world["tokens"]:
            return world
    for rest in server.folder.glob("homeserver.db*"):
        rest.unlink()  # of a run that ended before it was prepared, or of an older version
    server.configure(None, "")
    server.start()
    world = prepare(server)
    if server.stop() != 0:
        raise Failed("the server did not stop cleanly")
    known.write_text(json.dumps(world))
    return world


def start(server, address):
    world = world_of(server)
    server.configure(world["audit_room"], address)
    server.start()
    world["base"] = server.base
    world["configuration"] = str(server.configuration)
    world["processes"] = len(server.each())
    world["pids"] = [one.process.pid for one in server.each()]
    return world


def lengths_of_logs(server):
    return [len(each.logged()) for each in server.each()]


def module_lines(server, begin):
    """What each process's log says of its modules behind `begin`."""
    texts = [each.logged()[length:] for each, length in zip(server.each(), begin)]
    return [[line for line in text.splitlines() if " module " in line or " modules " in line] for text in texts]


def is_logged(step, lines):
    found = [sum(step.logged in line for line in of_one) >= step.times for of_one in lines]
    return not step.logged or (all(found) if step.is_logged_by_all else any(found))


def play_step(step, server, number):
    begin = lengths_of_logs(server)
    print("\n%2d. %s\n    $ %s" % (number, step.title, step.command))
    finished = subprocess.run(["bash", "-c", step.command], capture_output=True, text=True)
    print("    " + (finished.stdout.strip() or finished.stderr.strip())[:600])
    lines = module_lines(server, begin)
    until = time.monotonic() + LONGEST_WAIT
    while not is_logged(step, lines) and time.monotonic() < until:  # what runs in shadow mode ends after the answer
        time.sleep(0.05)
        lines = module_lines(server, begin)
    for line in sum(lines, []):
        print("    | " + line)
    try:
        fine = finished.returncode == 0 and step.check(json.loads(finished.stdout)) and is_logged(step, lines)
    except (ValueError, KeyError, IndexError, TypeError):
        fine = False
    if not fine:
        print("    WRONG: expected %s%s" % (step.expected, step.logged and "; in the log: " + step.logged))
    return fine


def ask_questions(address):
    finished = subprocess.run(["curl", "-sS", address + "/questions"], capture_output=True, text=True)
    return json.loads(finished.stdout)["questions"]


def play(server, address):
    world = start(server, address)
    print("What the modules do: %s%s" % (server.base, tour.INSPECTOR))
    fine = True
    steps = tour.steps(world)
    for number, step in enumerate(steps, 1):
        fine = play_step(step, server, number) and fine
    # Each worker has a cache of its own: the service was asked at least once, and at most once by each of the two that were asked.
    asked = ask_questions(address)
    print("\n    the service was asked %d time%s for the two lookups" % (asked, "" if asked == 1 else "s"))
    fine = 1 <= asked <= 2 and fine
    fine = (play_kill_of_one if len(server.each()) > 1 else play_kill)(server, world, len(steps) + 1) and fine
    status = server.stop()
    print("\n%2d. SIGTERM: exit status %d" % (len(steps) + 2, status))
    return fine and status == 0


def play_again(server, world, number):
    return play_step(next(step for step in tour.steps(world) if "badge" in step.title), server, number)


def play_kill(server, world, number):
    print("\n%2d. The server is killed and started again: what it acknowledged is still there" % number)
    server.kill()
    server.start()
    world["base"] = server.base
    return play_again(server, world, number)


def play_kill_of_one(server, world, number):
    print("\n%2d. One process after the other is killed: the others answer, and it comes back" % number)
    fine = True
    for one in server.each():
        one.kill()
        fine = play_again(server, world, number) and fine
        one.start()
        server.wait_until_balanced()
    return fine


@contextlib.contextmanager
def opened(build, folder, given):
    """The server of one process or of several; what was started ends with it."""
    if given.processes > 1:
        with Processes(build, folder, given.processes, given.port) as processes:
            yield processes
        return
    log = open(Path(folder) / "homeserver.log", "a") if given.demo or given.callbacks else None
    server = Server(build, folder, given.port, log)
    try:
        yield server
    finally:
        if server.is_running():
            server.kill()
        if log:
            log.close()


def last_words(server):
    return "".join("\n%s" % each.logged()[-2000:] for each in server.each())


def demo(build, given):
    fine = False
    with tempfile.TemporaryDirectory() as folder, opened(build, folder, given) as server:
        try:
            fine = play(server, service.start())
        except Failed as failure:
            print("WRONG: %s%s" % (failure, last_words(server)))
    print("\n" + ("The tour went as it should." if fine else "The tour went wrong."))
    return 0 if fine else 1


def show_callbacks(build, given):
    with tempfile.TemporaryDirectory() as folder, opened(build, folder, given) as server:
        try:
            return callbacks.show(server)
        except Failed as failure:
            print("WRONG: %s%s" % (failure, last_words(server)))
            return 1


def print_processes(server):
    print("\nIts processes, which haproxy gives one request after the other; the one who is killed isn't missed, and comes back after "
          "%d s:" % UNTIL_RESTARTED)
    for one in server.each():
        print("\n# %s listens on %s\nkill -9 %d\ntail %s\n%s" % (
            one.name, one.base, one.process.pid, shlex.quote(one.log.name), shlex.join(["cat", *one.command[2::2]])))


def supervise(server):
    """Until this process is told to end; those of several processes that end are started again."""
    ended = {}
    while len(server.each()) > 1 or server.is_running():
        time.sleep(0.2)
        for one in server.each():
            if one.is_running() or len(server.each()) == 1:
                continue
            if one not in ended:
                ended[one] = time.monotonic()
                print("%s has ended (status %d)" % (one.name, one.process.poll()), flush=True)
            elif time.monotonic() - ended[one] > UNTIL_RESTARTED:
                del ended[one]
                one.start()
                print("%s runs again: kill -9 %d" % (one.name, one.process.pid), flush=True)
    return server.process.returncode


def serve_in(build, folder, given):
    with opened(build, folder, given) as server:
        world = start(server, service.start())
        print("\nThe homeserver listens on %s. What its modules do, for who logs in as operator with the password \"%s\":\n%s%s"
              % (server.base, PASSWORD, server.base, tour.INSPECTOR))
        print("\nThings to try, in this order:")
        for step in tour.steps(world):
            print("\n# %s: %s\n%s" % (step.title, step.expected, step.command))
        if given.processes > 1:
            print_processes(server)
            print("\nAll of that lies in %s, and is gone when Ctrl-C stops the server." % server.folder, flush=True)
        else:
            print("\nConfiguration, database: %s. Ctrl-C stops the server. Its log:\n" % server.folder, flush=True)
        try:
            return supervise(server)
        except KeyboardInterrupt:
            return server.stop()


def serve(build, given):
    try:
        if given.processes > 1:
            with tempfile.TemporaryDirectory(prefix="homeserver_") as folder:
                return serve_in(build, folder, given)
        folder = Path(build) / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        return serve_in(build, folder, given)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1  # while it started


def interrupt(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def main():
    arguments = argparse.ArgumentParser(description="The reference homeserver with the example modules.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--demo", action="store_true", help="play the tour instead of waiting for requests")
    arguments.add_argument("--callbacks", action="store_true", help="fire all callbacks and show what proves each")
    arguments.add_argument("--port", type=int, default=8008)
    arguments.add_argument("--processes", type=int, default=1, help="how many, over one PostgreSQL and behind a balancer")
    given = arguments.parse_args()
    if given.demo or given.callbacks:
        given.port = 0
    signal.signal(signal.SIGTERM, interrupt)
    build = given.build.resolve()
    if given.callbacks:
        return show_callbacks(build, given)
    return demo(build, given) if given.demo else serve(build, given)


sys.exit(main())
