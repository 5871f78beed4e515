"""What the processor does per event, by callgrind: instructions, branches, data, and in whose code; markdown for bench/README.md."""

import os
import re
import subprocess
import sys
import tempfile

FEW, MANY = 2000, 6000
SCENARIOS = [
    ("floor_direct/0", "the floor without modules"),
    ("direct/0", "no module"),
    ("floor_direct/3", "the floor of 3 modules × 2 fields"),
    ("direct_function/3", "3 functions"),
    ("direct/3", "3 ready coroutines"),
    ("once_per_event/3", "3 modules, remembered"),
]
EVENTS = ["Ir", "Dr", "Dw", "D1mr", "D1mw", "Bc", "Bcm", "Bi", "Bim"]
# Whose code a function is, the first that fits: what it is called with, and what it is here.
PARTS = [
    (r"memcpy|memmove", "copying texts: the event's, and remembered fields"),
    (r"add_both|put_string|put_integer|JsonBuffer|NameHashes", "the fields: names, values, escapes, whether a name is there"),
    (r"driven_hook|driven_task", "the call of a hook, and for a coroutine its start and its end"),
    (r"Module<\d+ul>::direct_ready", "coroutines: made, entered, ended; and with GCC the fields that they write"),
    (r"Writing::await_ready|walker|dispatch|ClientEvents|RememberedFields",
     "the walk and the event: interest, order, count, cancellation, exceptions; comma, number, own names"),
]


def profile(program, scenario, turns, folder):
    """The counts of all functions, by name."""
    out = os.path.join(folder, "out")
    subprocess.run(["valgrind", "--tool=callgrind", "--cache-sim=yes", "--branch-sim=yes", "--callgrind-out-file=" + out, program, scenario,
                    str(turns)], capture_output=True, check=True)
    counts, names, function, order, skip = {}, {}, None, [], False
    with open(out, encoding="utf-8") as file:
        for line in file:
            if line.startswith("events:"):
                order = line.split()[1:]
            found = re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line)
            if found:
                if found.group(3):
                    names[found.group(2)] = found.group(3)
                if not found.group(1):
                    function = names[found.group(2)]
            elif line.startswith("calls="):
                skip = True  # the next line is what was called
            elif re.match(r"[\d+*-]", line):
                if not skip and function is not None:
                    values = [int(value) for value in line.split()[1:]]
                    into = counts.setdefault(function, dict.fromkeys(order, 0))
                    for event, value in zip(order, values):
                        into[event] += value
                skip = False
    return counts


def per_event(program, scenario):
    with tempfile.TemporaryDirectory() as folder:
        few, many = profile(program, scenario, FEW, folder), profile(program, scenario, MANY, folder)
    of_functions = {}
    for function, counts in many.items():
        before = few.get(function, {})
        of_functions[function] = {event: (value - before.get(event, 0)) / (MANY - FEW) for event, value in counts.items()}
    return of_functions


def part_of(function):
    return next((name for pattern, name in PARTS if re.search(pattern, function)), "the rest: what writes a response")


def main():
    program = sys.argv[1]
    measured = {scenario: per_event(program, scenario) for scenario, _ in SCENARIOS}
    total = lambda scenario, event: sum(counts.get(event, 0) for counts in measured[scenario].values())
    print("| per event | instructions | loads | stores | first-level misses | branches | mispredicted | by pointer | mispredicted |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for scenario, text in SCENARIOS:
        ir, dr, dw, d1mr, d1mw, bc, bcm, bi, bim = (total(scenario, event) for event in EVENTS)
        print("| %s | %.0f | %.0f | %.0f | %.1f | %.0f | %.2f | %.0f | %.2f |" % (text, ir, dr, dw, d1mr + d1mw, bc, bcm, bi, bim))
    shown = ["direct_function/3", "direct/3", "once_per_event/3"]
    parts = {}
    for scenario in shown:
        for function, counts in measured[scenario].items():
            of_part = parts.setdefault(part_of(function), dict.fromkeys(shown, 0))
            of_part[scenario] += counts.get("Ir", 0)
    print("\n| instructions | 3 functions | 3 ready coroutines | 3 modules, remembered |\n|---|---:|---:|---:|")
    for part, of_part in sorted(parts.items(), key=lambda each: -max(each[1].values())):
        if max(of_part.values()) < 0.5:
            continue
        print("| %s | %s |" % (part, " | ".join("%.0f" % of_part[scenario] for scenario in shown)))


if __name__ == "__main__":
    main()
