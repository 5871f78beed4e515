#!/usr/bin/env python3
"""Holds the table of callbacks/README.md to the declarations, and to the operations that the reference homeserver does.

usage: readme_test.py PROJECT PRINTER [--write]

PRINTER is the program callback_table, which prints the declarations. --write makes the table anew.
"""
import pathlib
import subprocess
import sys

PROJECT = pathlib.Path(sys.argv[1]).resolve()
README = PROJECT / "callbacks/README.md"
BEGIN, END = "<!-- table: made by tests/callbacks/readme_test.py -->\n", "<!-- end of the table -->\n"

sys.path.insert(0, str(PROJECT / "examples/demo"))
import callbacks  # noqa: E402: the operations, each of which it does


def table(declarations):
    operations = {row[0]: row[1:3] for row in callbacks.ROWS}
    lines, last = [], None
    for declaration in declarations:
        category, name, signature, combine, error, routine, ruled, since, later = declaration.split("\t")
        if category != last:
            lines += ["", "### " + category.capitalize(), "",
                      "| callback | since | signature | answers | an exception | may also | fired by | tested by |",
                      "|---|---|---|---|---|---|---|---|"]
            last = category
        operation, test = operations.pop(name)
        if later:
            since += "; argument %s: %s" % tuple(later.split())
        lines.append("| `%s` | %s | `%s` | %s | %s | %s | %s | `%s` |" % (
            name, since, signature, combine + ("; routine" if routine else ""), error, ", ".join(ruled.split()), operation,
            test or callbacks.contract(name)))
    assert not operations, "operations of callbacks that aren't declared: " + ", ".join(operations)
    return "\n".join(lines).lstrip("\n") + "\n\n"


def main():
    printed = subprocess.run([sys.argv[2]], check=True, capture_output=True, text=True).stdout
    wanted = table(printed.splitlines())
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    has, end, after = rest.partition(END)
    assert end, "callbacks/README.md has no place for the table"
    if "--write" in sys.argv:
        README.write_text(before + BEGIN + wanted + END + after)
        return 0
    if has == wanted:
        print("callbacks/README.md says what is declared")
        return 0
    missing = [line for line in wanted.splitlines() if line not in has]
    too_many = [line for line in has.splitlines() if line not in wanted]
    print("callbacks/README.md isn't what is declared. Make its table anew with\n\n    %s\n" % " ".join(
        ["tests/callbacks/readme_test.py", ".", sys.argv[2], "--write"]))
    print("\n".join(["missing: " + line for line in missing] + ["not declared: " + line for line in too_many]))
    return 1


sys.exit(main())
