"""How many requests a second the reference homeserver answers, and how fast: wrk at several numbers of connections."""

import json
import subprocess
from pathlib import Path

from server_process import CLIENT, NO_ROOMS, Failed, MeasuredServer

CONNECTIONS = (1, 8, 64)
MESSAGES = 200  # in the room before anything is measured


def run_wrk(server, connections, seconds, arguments):
    """What server.lua says at the end."""
    script = str(Path(__file__).with_name("server.lua"))
    command = ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "--timeout", "10s", "--latency", "-s", script, server.base, "--"]
    finished = subprocess.run(command + arguments, capture_output=True, text=True, timeout=seconds + 30)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("RESULT ")]
    if finished.returncode != 0 or not lines:
        raise Failed("wrk failed: %s%s" % (finished.stdout, finished.stderr))
    result = json.loads(lines[0].removeprefix("RESULT "))
    if result["failed"] > 0 or result["requests"] == 0:
        raise Failed("%d of %d requests failed: %s" % (result["failed"], result["requests"], " ".join(arguments[1:])))
    return result


def prepare(server):
    """What wrk sends, by the name of the operation."""
    token = server.register("alice")
    server.register("bob")
    room = server.expect_ok("POST", CLIENT + "/createRoom", {"name": "Lounge"}, token)["room_id"]
    for number in range(MESSAGES):
        since = server.expect_ok("GET", CLIENT + "/sync?filter=" + NO_ROOMS, None, token)["next_batch"]
        server.expect_ok("PUT", CLIENT + "/rooms/%s/send/m.room.message/first-%d" % (room, number), {"msgtype": "m.text", "body": "message"}, token)
    one_message = CLIENT + "/sync?timeout=0&since=" + since
    news = server.expect_ok("GET", one_message, None, token)["rooms"]["join"][room]["timeline"]["events"]
    if len(news) != 1:
        raise Failed("the sync that is measured tells %d events" % len(news))
    return {
        "sync": [token, "GET", one_message],
        "messages": [token, "GET", CLIENT + "/rooms/%s/messages?dir=b&limit=20" % room],
        "send": [token, "PUT", CLIENT + "/rooms/%s/send/m.room.message/" % room],
    }


def measure(build, folder, seconds):
    print("| request | modules | connections | requests/s | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|---:|")
    for modules in (0, 3):
        with MeasuredServer(build, folder / ("load-%d" % modules), modules > 0) as server:
            for name, arguments in prepare(server).items():
                for connections in CONNECTIONS:
                    result = run_wrk(server, connections, seconds, arguments + ["run%d" % connections])
                    print("| %s | %d | %d | %.0f | %.2f | %.2f |" % (
                        name, modules, connections, result["requests"] / result["seconds"], result["p50_ms"], result["p99_ms"]), flush=True)
