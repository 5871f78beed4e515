"""One run of all benchmarks: prints the table, writes it with its JSON and its chart, and says which goals are missed."""

import json
import os
import re
import subprocess
import sys

import chart
import instructions
import report


def times(program, arguments):
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_repetitions=7", "--benchmark_report_aggregates_only=true",
                           "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.05", *arguments],
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def into_document(document, table, program="bench/run"):
    """Puts the table between the document's two marks of this program."""
    with open(document, encoding="utf-8") as file:
        text = file.read()
    begin, end = "<!-- %s -->\n" % program, "<!-- /%s -->\n" % program
    text, found = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + table + end, text, flags=re.S)
    if found != 1:
        sys.exit("%s has no place, or more than one, for the table of %s" % (document, program))
    write(document, text)


def main():
    programs, target, recorded = sys.argv[1:4]
    arguments = [argument for argument in sys.argv[4:] if argument != "--record"]
    counted = instructions.per_turn(os.path.join(programs, "modapi_bench_instructions"), report.INSTRUCTIONS)
    run = report.Run(times(os.path.join(programs, "modapi_bench"), arguments), counted)
    table, picture = report.markdown(run), chart.svg(run)
    figures = report.as_json(run)
    folders = [target] + ([recorded] if "--record" in sys.argv else [])
    os.makedirs(target, exist_ok=True)
    for folder in folders:
        write(os.path.join(folder, "measured.json"), json.dumps(figures, indent=2) + "\n")
        write(os.path.join(folder, "measured.svg"), picture)
    write(os.path.join(target, "measured.md"), table)
    if "--record" in sys.argv:
        into_document("bench/README.md", table)
        into_document("README.md", report.selection(figures))
    print(table)
    missed = [text for text, figure, limit, more in report.goals(run) if not report.holds(figure, limit, more)]
    allocating = [name for name in report.WITHOUT_ALLOCATIONS if run.allocations(name) > 0.05]
    for text in missed:
        print("MISSED: " + text)
    for name in allocating:
        print("BROKEN: %s allocates" % name)
    return 1 if missed or allocating else 0


if __name__ == "__main__":
    sys.exit(main())
