"""Reads Google Benchmark's JSON and prints what each thing costs as a multiple of its floor; exits 1 if a limit doesn't hold."""

import json
import sys

# name, floor
ROWS = [
    ("hook/plain", "bare_call"), ("hook/ready", "bare_call"), ("asio/ready", "bare_call"),
    ("hook/suspending", "asio/suspending"),
    ("dispatch/plain/0", "bare_call"),
    *[("dispatch/%s/%d" % (kind, count), "hand_loop/%d" % count) for count in (1, 3, 8) for kind in ("plain", "ready")],
    *[("dispatch/ready/%d" % count, "asio_loop/ready/%d" % count) for count in (1, 3, 8)],
    *[("dispatch/suspending/%d" % count, "asio_loop/suspending/%d" % count) for count in (1, 3, 8)],
    ("cached/hit", "bare_call"), ("cached/hit", "cached/without"), ("cached/miss", "cached/without"),
    ("unsigned/modules/0", "bare_call"),
    *[("unsigned/modules/%d" % count, "unsigned/by_hand/%d" % count) for count in (1, 3)],
]
# name, floor, largest ratio
LIMITS = [("hook/ready", "bare_call", 8.0), ("hook/ready", "asio/ready", 0.5)]
WITHOUT_ALLOCATIONS = ["hook/plain", "hook/ready", "hook/suspending", "cached/hit", "dispatch/ready/3"]


def main():
    medians = {entry["run_name"]: entry for entry in json.load(sys.stdin)["benchmarks"] if entry.get("aggregate_name") == "median"}

    def ratio(name, floor):
        return medians[name]["cpu_time"] / medians[floor]["cpu_time"]

    print("| what | ns | allocations | floor | ns | ratio |\n|---|---:|---:|---|---:|---:|")
    for name, floor in ROWS:
        print("| %s | %.1f | %.1f | %s | %.1f | %.2f |" % (
            name, medians[name]["cpu_time"], medians[name]["allocations"], floor, medians[floor]["cpu_time"], ratio(name, floor)))
    fine = True
    for name, floor, most in LIMITS:
        held = ratio(name, floor) <= most
        fine = fine and held
        print("\n%s: %s takes %.2f times as long as %s; at most %.1f" % ("held" if held else "BROKEN", name, ratio(name, floor), floor, most))
    for name in WITHOUT_ALLOCATIONS:
        if medians[name]["allocations"] > 0:
            fine = False
            print("\nBROKEN: %s allocates" % name)
    return 0 if fine else 1


sys.exit(main())
