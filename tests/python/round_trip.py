#!/usr/bin/python3
"""Measures what a call of a callback costs that answers at once, and one that asks the host a thing. Prints, decides nothing.

usage: round_trip.py [CALLS]
"""

import json
import pathlib
import statistics
import sys
import time
from typing import Callable, List

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from bridge_host import Host, _LENGTH, event  # noqa: E402


def print_times(name: str, times: List[float]) -> None:
    times.sort()
    print("%-58s median %6.1f us, 99 %% %6.1f us" % (name, statistics.median(times) * 1e6, times[len(times) * 99 // 100] * 1e6))


def back_to_back(name: str, calls: int, ask: Callable[[], object], pause: float = 0) -> None:
    for _ in range(200):
        ask()
    times = []
    for _ in range(calls):
        begin = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begin)
        if pause:
            time.sleep(pause)
    print_times(name, times)


def in_flight(host: Host, frame: bytes, calls: int, at_once: int) -> None:
    """Frames of the same id: only their number counts."""
    begin = time.perf_counter()
    sent = answered = 0
    while answered < calls:
        while sent < calls and sent - answered < at_once:
            host.socket.sendall(frame)
            sent += 1
        host.receive()
        answered += 1
    took = time.perf_counter() - begin
    print("%-58s %.1f us a call, %d calls a second" % ("%d in flight" % at_once, took / calls * 1e6, calls / took))


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    host = Host()
    host.operations["is_user_admin"] = lambda arguments: True
    module = host.load("always.Always")
    invite = ("@alice:example.org", "@bob:example.org", "!room:example.org")
    message = event(
        content={"msgtype": "m.text", "body": "x" * 600}, hashes={"sha256": "y" * 43}, depth=1, prev_events=["$" + "z" * 43]
    )
    members = {
        "do": "call",
        "entry": module.entry,
        "handle": module.handle("user_may_invite"),
        "call": "c",
        "arguments": list(invite),
    }
    text = json.dumps({"id": 1, **members}).encode()
    frame = _LENGTH.pack(len(text)) + text

    def at_once() -> None:
        # What a host in C++ spends on its own side is little: the frame is made before.
        host.socket.sendall(frame)
        host.receive()

    back_to_back("answers at once (user_may_invite), frame made before", calls, at_once)
    back_to_back("answers at once, the host's side in Python too", calls, lambda: module.call("user_may_invite", *invite))
    back_to_back("an event of 1 kB (check_event_for_spam)", calls, lambda: module.call("check_event_for_spam", message))
    back_to_back(
        "one awaited operation (user_may_join_room)",
        calls,
        lambda: module.call("user_may_join_room", invite[0], invite[2], False),
    )
    back_to_back("answers at once, every millisecond", min(calls, 2000), at_once, pause=0.001)
    in_flight(host, frame, calls * 4, 16)
    host.close()


main()
