#!/usr/bin/env python3
"""Runs examples/minimal_host, asks it for one operation of each category, and makes it fail in every phase of its life.

usage: minimal_host_test.py PROGRAM MODULES
"""
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

from newcomer import request

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
MODULES = pathlib.Path(sys.argv[2]).resolve()
OWN = ["{module: minimal_host.Doorkeeper, config: {password: sesame}}", "{module: minimal_host.Chronicler}"]


class Host:
    """One run of the program; its configuration is in a folder of its own."""

    def __init__(self, modules, port=0):
        self.folder = tempfile.TemporaryDirectory()
        self.file = pathlib.Path(self.folder.name) / "host.yaml"
        listed = "".join(f"\n  - {module}" for module in modules)
        self.file.write_text(f"port: {port}\nmodule_path: {MODULES}\ndatabase: {{args: {{database: ':memory:'}}}}\n"
                             f"modules:{listed}\n")
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+")
        self.process = subprocess.Popen([PROGRAM, self.file], stdout=subprocess.PIPE, stderr=self.log, text=True)
        listening = re.match(r"listening on 127\.0\.0\.1:(\d+)\n", self.process.stdout.readline())
        self.base = f"http://127.0.0.1:{listening.group(1)}" if listening else None

    def ask(self, path, **body):
        return request(self.base, "POST", path, body)

    def said(self):
        self.log.flush()
        return (pathlib.Path(self.folder.name) / "log").read_text()

    def end(self):
        """Gives the exit status and the lines on stderr, with FILE for the configuration's path."""
        status = self.process.wait(timeout=30)
        said = self.said()
        assert "destroyed while" not in said, said
        return status, said.replace(str(self.file), "FILE").splitlines()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.end()


def breaker(**config):
    listed = ", ".join(f"{key}: {value}" for key, value in config.items())
    return f"{{module: breaker.Breaker, config: {{{listed}}}}}"


def own_lines(lines):
    """What the program writes itself, without the log, whose lines begin with their time."""
    return [line for line in lines if not line.startswith("[")]


def see_every_category():
    host = Host(OWN)
    assert host.base, host.end()
    event = {"type": "m.room.message", "room_id": "!hall:localhost", "sender": "@alice:localhost"}
    status, answer = host.ask("/register", user="@alice:localhost")
    assert status == 200, answer
    assert host.ask("/login", user="@alice:localhost", type="m.login.password", password="sesame")[0] == 200
    status, answer = host.ask("/login", user="@alice:localhost", type="m.login.password", password="guess")
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN"), answer
    status, answer = host.ask("/send", **event, content={"body": "hello there everybody"})
    assert status == 200 and answer["unsigned"] == {"org.example.told": True}, answer
    status, answer = host.ask("/send", **event, content={"body": "HELLO THERE EVERYBODY"})
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN"), answer
    status, answer = host.ask("/send", type="m.room.message")
    assert (status, answer["errcode"]) == (400, "M_BAD_JSON"), answer
    assert host.ask("/data", user="@alice:localhost", type="org.example.theme")[0] == 200
    assert host.ask("/presence", user="@alice:localhost")[1]["sees_everybody"] is True
    # Each worker's modules heard of the event that one of them stored; clients go to the workers in turn.
    for _ in range(2):
        status, answer = request(host.base, "GET", "/_synapse/client/events?since=1")
        assert (status, answer) == (200, {"events": 1}), answer
    status, answer = request(host.base, "GET", "/nowhere")
    assert (status, answer["errcode"]) == (404, "M_UNRECOGNIZED"), answer
    status, lines = host.stop()
    log = "\n".join(lines)
    assert status == 0 and not own_lines(lines), (status, lines)
    for part in ("background update greet_everybody is done", "@alice:localhost is here", "new data of type org.example.theme",
                 "module minimal_host.Doorkeeper decided check_event_for_spam"):
        assert part in log, (part, log)


def see_failure(modules, line, logged=(), port=0):
    """The start fails: status 1, and of the program itself the one line."""
    host = Host(modules, port)
    assert host.base is None, "it began to serve"
    status, lines = host.end()
    assert status == 1 and own_lines(lines) == [line], (status, lines)
    for part in logged:
        assert part in "\n".join(lines), (part, lines)


def see_failing_starts():
    see_failure(["{module: nowhere.Module}"],
                "FILE:5: modules[0].module: is neither compiled in, nor is there a nowhere.so on the module path "
                f"({MODULES}) (module nowhere.Module)")
    see_failure(OWN + [breaker(fails="constructor")],
                "FILE:7: modules[2]: no room here (module breaker.Breaker)")
    see_failure(OWN + [breaker(fails="constructor", worker="worker1")],
                "FILE:7: modules[2]: no room here (module breaker.Breaker on worker worker1)")
    see_failure([breaker(), breaker(fails="start")],
                "FILE:6: modules[1]: start() failed: there is nobody to talk to (module breaker.Breaker)",
                ["has started on main", "has stopped on main"])
    see_failure([breaker(fails="start", worker="worker1")],
                "FILE:5: modules[0]: start() failed: there is nobody to talk to (module breaker.Breaker on worker worker1)",
                ["has started on main", "has stopped on main"])
    see_failure([breaker(fails="operation")],
                "worker main: on_user_registration of module breaker.Breaker failed: http://10.0.0.1/ is unreachable",
                ["has stopped on main", "has stopped on worker1"])
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        see_failure([breaker()], f"FILE:1: port: can't listen on port {port}: Address already in use",
                    ["has stopped on main", "has stopped on worker1"], port)


def see_a_failing_operation():
    """Of a client: it is told nothing of what went wrong, and the host goes on."""
    host = Host([breaker()])
    status, answer = host.ask("/register", user="@fails:localhost")
    assert (status, answer) == (500, {"errcode": "M_UNKNOWN", "error": "Internal server error"}), answer
    assert host.ask("/register", user="@alice:localhost")[0] == 200
    assert "module breaker.Breaker: on_user_registration failed: http://10.0.0.1/ is unreachable" in host.said()
    status, lines = host.stop()
    assert status == 0 and not own_lines(lines), (status, lines)


def see_hanging_stops():
    host = Host([breaker(fails="stop", worker="worker1")])
    assert host.base, host.end()
    status, lines = host.stop()
    assert status == 0 and not own_lines(lines), (status, lines)
    log = "\n".join(lines)
    assert "stopping takes too long: worker worker1 is held by stop of module breaker.Breaker" in log, log
    assert "breaker.Breaker, stop, blocks its thread for" in log and "(worker worker1)" in log, log
    assert "has stopped on main" in log, log

    host = Host([breaker(fails="'stop waiting'")])
    status, lines = host.stop()
    assert status == 0 and not own_lines(lines), (status, lines)
    assert "module breaker.Breaker: stop() has not ended within 2 s" in "\n".join(lines), lines

    # A stop that hangs on the way out of a failure doesn't swallow it.
    host = Host([breaker(fails="stop", worker="main"), breaker(fails="start", worker="worker1")])
    status, lines = host.end()
    assert status == 1, (status, lines)
    assert "start() failed: there is nobody to talk to (module breaker.Breaker on worker worker1)" in "\n".join(lines), lines

    # Nor what the host itself threw: it is said before the module holds the thread.
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        host = Host([breaker(fails="stop", worker="worker1")], port)
        status, lines = host.end()
    assert status == 1, (status, lines)
    failure = f"FILE:1: port: can't listen on port {port}: Address already in use"
    told = [number for number, line in enumerate(lines) if failure in line]
    held = [number for number, line in enumerate(lines) if "blocks its thread" in line or "is held by" in line]
    assert len(told) == 1 and held and told[0] < held[0], lines


def main():
    see_every_category()
    see_failing_starts()
    see_a_failing_operation()
    see_hanging_stops()
    print("the minimal host ends well")


main()
