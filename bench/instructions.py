"""Instructions per turn of a scenario, as valgrind counts them: the same in every run, whatever else the machine does."""

import json
import os
import re
import subprocess
import sys

import report

FEW, MANY = 2000, 6000
TOLERATED = 1.01
ROUNDED_TO = 0.1  # a count and its baseline may differ by this through rounding alone


def count(program, scenario, turns):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, scenario, str(turns)],
                          capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def per_turn(program, scenarios):
    """The difference of two runs: what surrounds the turns is in both."""
    return {name: (count(program, name, MANY) - count(program, name, FEW)) / (MANY - FEW) for name in scenarios}


def compare(counted, baseline):
    """Prints the counts beside the baseline's; the names of those that are beyond what is tolerated."""
    worse = []
    print("| scenario | instructions | baseline | |\n|---|---:|---:|---|")
    for name, instructions in counted.items():
        known = baseline.get(name)
        too_many = known is not None and instructions > known * TOLERATED + ROUNDED_TO
        if too_many or known is None:
            worse.append(name)
        print("| %s | %.0f | %s | %s |" % (name, instructions, "none" if known is None else "%.0f" % known, "**more**" if too_many else ""))
    return worse


def main():
    program, baseline_file = sys.argv[1:3]
    counted = {name: round(instructions, 1) for name, instructions in per_turn(program, report.INSTRUCTIONS).items()}
    if "--record" in sys.argv:
        with open(baseline_file, "w", encoding="utf-8") as file:
            json.dump(counted, file, indent=2)
            file.write("\n")
        return 0
    if not os.path.exists(baseline_file):
        sys.exit("%s isn't there; bench/run --record makes it" % baseline_file)
    with open(baseline_file, encoding="utf-8") as file:
        worse = compare(counted, json.load(file))
    for name in worse:
        print("\nBROKEN: %s needs more than %.0f%% of the baseline's instructions, or isn't in it" % (name, TOLERATED * 100))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
