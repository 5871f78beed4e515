"""The coroutine core of this checkout beside that of an earlier commit: builds libasync of both and bench/core.cpp against each, runs
the two programs in turns and prints a table of medians.

usage: core_measure.py BUILD_FOLDER [COMMIT] [--record]
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

from measure import into_document

PROJECT = pathlib.Path(__file__).resolve().parent.parent
EARLIER = "c27c68d"
FLAGS = ["-std=c++20", "-fcoroutines", "-O3", "-DNDEBUG", "-fPIC", "-DBOOST_ASIO_SEPARATE_COMPILATION",
         "-DBOOST_BEAST_SEPARATE_COMPILATION", "-DBOOST_ASIO_NO_DEPRECATED"]
ROUNDS = 7

# What is measured, what it is, and the limit of now over then.
ROWS = [
    ("cancel/1", "start a task that waits, cancel it", 0.22),
    ("cancel/10", "the same, waiting ten levels down", 0.1),
    ("wake/1", "start a task that waits, tell it the news", None),
    ("wake/10", "the same, waiting ten levels down", None),
    ("fail/1", "a task that throws after it was suspended", None),
    ("fail/10", "the same, ten levels down", None),
    ("hooks/one_suspends", "dispatch to 8 hooks of which one suspends once", 0.8),
    ("hooks/ready", "dispatch to 8 hooks that are ready", None),
    ("spawn_and_end", "spawn and end a task in a scope", 0.6),
    ("co_spawn_and_end", "co_spawn and end a task", 0.6),
    ("await_ready", "await a task that is ready", None),
    ("await_nested/10", "await ten nested ones", None),
    ("deep/10000/ready", "await 10,000 nested ones that are ready", None),
    ("deep/10000/waits", "await 10,000 nested ones, the last of which waits", None),
]
MOST_ALLOCATIONS = {"spawn_and_end": 3, "co_spawn_and_end": 3}
# Per level, a million nested awaits over half as many, whose frames are more than the processor's caches and its table of pages hold,
# too; an earlier commit may have no stack for them.
DEEP = [("deep/1000000/ready", "deep/500000/ready"), ("deep/1000000/waits", "deep/500000/waits")]
LIMIT_OF_DEEP = 1.5


def run(command, **options):
    return subprocess.run(command, check=True, text=True, **options)


def build(checkout, folder):
    """The program for a checkout's libasync, whose flags are the preset release's."""
    folder.mkdir(parents=True, exist_ok=True)
    compiler = (["ccache"] if subprocess.run(["which", "ccache"], capture_output=True).returncode == 0 else []) + ["g++"]
    rooms = [checkout / "libasync" / room for room in ("coroutines", "hooks")]
    flags = FLAGS + ["-I%s/include" % room for room in rooms]
    objects = []
    for source in [source for room in rooms for source in sorted((room / "src").glob("*.cpp"))]:
        objects.append(str(folder / (source.stem + ".o")))
        run(compiler + flags + ["-c", str(source), "-o", objects[-1]])
    library, program = folder / "libcore.so", folder / "core"
    run(["g++", "-shared", "-o", str(library)] + objects + ["-lssl", "-lcrypto", "-lpthread"])
    run(compiler + flags + ["-c", str(PROJECT / "bench/core.cpp"), "-o", str(folder / "core.o")])
    run(["g++", "-o", str(program), str(folder / "core.o"), str(library), "-Wl,-rpath," + str(folder), "-lpthread"])
    return program


def measure(program, names):
    """Nanoseconds and allocations per turn, by name."""
    printed = run([str(program)] + names, stdout=subprocess.PIPE).stdout
    return {name: (float(took), float(made)) for name, took, made in (line.split() for line in printed.splitlines())}


def medians(runs):
    return {name: (statistics.median(run[name][0] for run in runs), runs[0][name][1]) for name in runs[0]}


def table_of(then, now, earlier, here):
    """The table's lines, and what of it is beyond its limit."""
    lines = ["| what | then, ns | now, ns | ratio | limit | allocations then | now |", "|---|---:|---:|---:|---:|---:|---:|"]
    missed = []
    for name, text, limit in ROWS:
        ratio = now[name][0] / then[name][0]
        most = MOST_ALLOCATIONS.get(name)
        if (limit is not None and ratio > limit) or (most is not None and now[name][1] > most):
            missed.append(name)
        lines.append("| %s | %.1f | %.1f | %.2f | %s | %.1f | %.1f |" % (
            text, then[name][0], now[name][0], ratio, "≤ %g" % limit if limit else "", then[name][1], now[name][1]))
    lines += ["", "| a level of 1,000,000 nested awaits | now, ns | of 500,000, ns | ratio | limit |", "|---|---:|---:|---:|---:|"]
    for deep, shallow in DEEP:
        per_level = now[deep][0] / 1e6
        shallow_level = now[shallow][0] / 5e5
        if per_level / shallow_level > LIMIT_OF_DEEP:
            missed.append(deep)
        lines.append("| the last one %s | %.1f | %.1f | %.2f | ≤ %g |" % (
            "is ready" if deep.endswith("ready") else "waits", per_level, shallow_level, per_level / shallow_level, LIMIT_OF_DEEP))
    lines += ["", "Then: commit %s. Now: %s." % (earlier, here)]
    return lines, missed


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("commit", nargs="?", default=EARLIER)
    arguments.add_argument("--record", action="store_true")
    given = arguments.parse_args()
    folder = (PROJECT / given.build).resolve()
    earlier = folder / "earlier"
    earlier.mkdir(parents=True, exist_ok=True)
    sources = subprocess.Popen(["git", "-C", str(PROJECT), "archive", given.commit, "libasync"], stdout=subprocess.PIPE)
    run(["tar", "-x", "-C", str(earlier)], stdin=sources.stdout)
    if sources.wait() != 0:
        sys.exit("no commit %s here" % given.commit)
    programs = [build(earlier, folder / "then"), build(PROJECT, folder / "now")]
    names = [name for name, _, _ in ROWS]
    runs = [[], []]
    for _ in range(ROUNDS):
        for index, program in enumerate(programs):
            runs[index].append(measure(program, names))
    then, now = medians(runs[0]), medians(runs[1])
    now.update(measure(programs[1], [name for pair in DEEP for name in pair]))
    here = run(["git", "-C", str(PROJECT), "describe", "--always", "--dirty"], stdout=subprocess.PIPE).stdout.strip()
    lines, missed = table_of(then, now, given.commit, here)
    text = "\n".join(lines) + "\n"
    print(text)
    if given.record:
        into_document(PROJECT / "bench/README.md", text, "bench/core")
    for name in missed:
        print("BROKEN: %s is beyond its limit" % name)
    return 1 if missed else 0


if __name__ == "__main__":
    os.chdir(PROJECT)
    sys.exit(main())
