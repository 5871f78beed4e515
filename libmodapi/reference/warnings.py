#!/usr/bin/env python3
"""Prints what counts of Doxygen's warnings, and fails if anything does.

usage: warnings.py LOG

Everything does but a missing comment where the declaration says it all: what the language names (constructors, operators, what
a coroutine or a dispatcher calls of a class), what takes no parameters, data members and members that name a type. Such have a
comment where there is more to say. Types, functions, and whatever stands in a namespace always need one.
"""
import pathlib
import re
import sys

MEMBER = re.compile(r"(?P<place>.*:\d+): \w+: Member (?P<name>[^\s(]+)(?P<rest>.*) of "
                    r"(?P<kind>class|struct|namespace|file) (?P<of>.+) is not documented")
OF_THE_LANGUAGE = re.compile(r"~|operator|await_|bind_context$")


def is_inherited(place, name):
    """Whether it is a base's constructor: `using Verdict::Verdict;`."""
    file, _, number = place.rpartition(":")
    return f"using {name}::{name};" in pathlib.Path(file).read_text().splitlines()[int(number) - 1]


def counts(line):
    found = MEMBER.match(line)
    if not found or found["kind"] in ("namespace", "file"):
        return True
    of = re.sub(r"<.*>", "", found["of"]).split("::")
    name = found["name"]
    if is_inherited(found["place"], name):
        return False
    if name == of[-1] or OF_THE_LANGUAGE.match(name) or of[-1] in ("walk", "promise_type") or "awaiter" in of[-1]:
        return False
    if "(variable)" in found["rest"] or "(typedef)" in found["rest"]:
        return False
    return not re.match(r"\(\)", found["rest"])


def main():
    lines = dict.fromkeys(pathlib.Path(sys.argv[1]).read_text().splitlines())
    counting = [line for line in lines if line and counts(line)]
    print("\n".join(counting))
    sys.exit(1 if counting else 0)


main()
