"""Starts the reference homeserver with the example modules; with --demo, plays the tour by itself; with
--callbacks, fires all forty callbacks and prints a table of what proves each.

usage: play.py BUILD_FOLDER [--demo | --callbacks] [--port N]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import callbacks
import service
import tour
from server import Failed, Server

USERS = ("alice", "bob", "carol", "mallory", "auditor")
PASSWORD = "only for the tour"
LONGEST_WAIT = 5  # seconds, for a line of the log


def prepare(server):
    """Users, a room and the audit room: needed before the modules are, because one of them is configured with the room's id."""
    tokens = {}
    for user in USERS:
        tokens[user] = server.expect_ok("POST", tour.CLIENT + "/register", {
            "username": user, "password": PASSWORD, "auth": {"type": "m.login.dummy"}})["access_token"]
    tokens["operator"] = server.register_admin("operator", PASSWORD, tour.SHARED_SECRET)
    create = {"preset": "private_chat", "name": "Lounge", "invite": ["@bob:localhost", "@mallory:localhost"]}
    room = server.expect_ok("POST", tour.CLIENT + "/createRoom", create, tokens["alice"])["room_id"]
    for user in ("bob", "mallory"):
        server.expect_ok("POST", tour.CLIENT + "/join/" + room, {}, tokens[user])
    audit_room = server.expect_ok("POST", tour.CLIENT + "/createRoom", {"name": "Audit"}, tokens["auditor"])["room_id"]
    return {"tokens": tokens, "room": room, "audit_room": audit_room}


def world_of(server):
    """What `prepare` made, now or at an earlier run in the same folder."""
    known = server.folder / "world.json"
    if known.exists():
        world = json.loads(known.read_text())
        if "operator" in world["tokens"]:
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
    server.folder.mkdir(parents=True, exist_ok=True)
    world = world_of(server)
    server.configure(world["audit_room"], address)
    server.start()
    world["base"] = server.base
    world["configuration"] = str(server.folder / "homeserver.yaml")
    return world


def module_lines(log, begin):
    """What the server's log says of its modules behind `begin`."""
    log.flush()
    text = Path(log.name).read_text()[begin:]
    return [line for line in text.splitlines() if " module " in line]


def is_logged(step, lines):
    return not step.logged or any(step.logged in line for line in lines)


def play_step(step, log, number):
    begin = len(Path(log.name).read_text())
    print("\n%2d. %s\n    $ %s" % (number, step.title, step.command))
    finished = subprocess.run(["bash", "-c", step.command], capture_output=True, text=True)
    print("    " + (finished.stdout.strip() or finished.stderr.strip())[:600])
    lines = module_lines(log, begin)
    until = time.monotonic() + LONGEST_WAIT
    while not is_logged(step, lines) and time.monotonic() < until:  # what runs in shadow mode ends after the answer
        time.sleep(0.05)
        lines = module_lines(log, begin)
    for line in lines:
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


def play(server, address, log):
    world = start(server, address)
    print("What the modules do: %s%s" % (server.base, tour.INSPECTOR))
    fine = True
    steps = tour.steps(world)
    for number, step in enumerate(steps, 1):
        fine = play_step(step, log, number) and fine
    # The server has two workers, each with its own cache: the service was asked at least once and at most once by each.
    asked = ask_questions(address)
    print("\n    the service was asked %d time%s for the two lookups" % (asked, "" if asked == 1 else "s"))
    fine = 1 <= asked <= 2 and fine

    print("\n%2d. The server is killed and started again: what it acknowledged is still there" % (len(steps) + 1))
    server.kill()
    server.start()
    world["base"] = server.base
    again = next(step for step in tour.steps(world) if "badge" in step.title)
    fine = play_step(again, log, len(steps) + 1) and fine
    status = server.stop()
    print("\n%2d. SIGTERM: exit status %d" % (len(steps) + 2, status))
    return fine and status == 0


def demo(build):
    with tempfile.TemporaryDirectory() as folder, open(folder + "/homeserver.log", "a+") as log:
        server = Server(build, folder, 0, log)
        try:
            fine = play(server, service.start(), log)
        except Failed as failure:
            print("WRONG: %s\n%s" % (failure, Path(log.name).read_text()[-2000:]))
            fine = False
        finally:
            if server.process is not None and server.process.poll() is None:
                server.kill()
    print("\n" + ("The tour went as it should." if fine else "The tour went wrong."))
    return 0 if fine else 1


def serve(build, port):
    server = Server(build, Path(build) / "demo", port)
    try:
        world = start(server, service.start())
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    print("\nThe homeserver listens on %s. What its modules do, for who logs in as operator with the password \"%s\":\n%s%s"
          % (server.base, PASSWORD, server.base, tour.INSPECTOR))
    print("\nThings to try, in this order:")
    for step in tour.steps(world):
        print("\n# %s: %s\n%s" % (step.title, step.expected, step.command))
    print("\nConfiguration, database: %s. Ctrl-C stops the server. Its log:\n" % server.folder, flush=True)
    try:
        return server.process.wait()
    except KeyboardInterrupt:
        return server.process.wait()  # the terminal sent the signal to the server too


def main():
    arguments = argparse.ArgumentParser(description="The reference homeserver with the example modules.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--demo", action="store_true", help="play the tour instead of waiting for requests")
    arguments.add_argument("--callbacks", action="store_true", help="fire all callbacks and show what proves each")
    arguments.add_argument("--port", type=int, default=8008)
    given = arguments.parse_args()
    build = given.build.resolve()
    if given.callbacks:
        return callbacks.show(build)
    return demo(build) if given.demo else serve(build, given.port)


sys.exit(main())
