#!/usr/bin/env python3
"""What Doxygen reads instead of a file: documents and comments are written for people who read them as they are.

usage: filter.py FILE
"""
import pathlib
import re
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.S | re.M)
LINK = re.compile(r"\[([^]]*)\]\(([^()\s:]+)\)")
COMMENT = re.compile(r"^(\s*///?<?|.*?///<)(.*)$")


def name_of(document):
    """A page's name: that of its path, since many are called README."""
    path = document.resolve().relative_to(PROJECT)
    return "page_" + re.sub(r"\W", "_", str(path.with_suffix("")))


def place_of(heading):
    """As GitHub names a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "_").replace("-", "_")


def page(document):
    text = document.read_text()
    name = name_of(document)

    def linked(found):
        text, target = found.groups()
        path, _, place = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if file.suffix != ".md" or not file.is_relative_to(PROJECT):
            return text  # of the checkout: no page of the reference
        text = text.replace("\n", " ").replace('"', "'")  # it ends with its line
        return f'@ref {name_of(file)}{"_" + place.replace("-", "_") if place else ""} "{text}"'

    def headed(found):
        level, heading = found.groups()
        place = name if level == "#" else f"{name}_{place_of(heading)}"
        return f"{level} {heading} {{#{place}}}"

    # Links first: their texts may be code, at which the rest is split.
    parts = FENCE.split(LINK.sub(linked, re.sub(r"^<!--.*-->$", "", text, flags=re.M)))
    for number in range(0, len(parts), 2):
        parts[number] = re.sub(r"^(#{1,4}) +(.*)$", headed, parts[number], flags=re.M)
    return "".join(parts)


def header(file):
    """Comments that name a header or a type's parameter are no HTML, and a backslash is one."""
    lines = []
    for line in file.read_text().splitlines():
        found = COMMENT.match(line)
        if found:
            parts = re.split(r"(`[^`]*`)", found.group(2))
            for number in range(0, len(parts), 2):
                parts[number] = re.sub(r"<(\w[\w/. ]*)>", r"\\<\1\\>", re.sub(r"\\(?=u00)", r"\\\\", parts[number]))
            line = found.group(1) + "".join(parts)
        lines.append(line)
    return "\n".join(lines) + "\n"


def main():
    file = pathlib.Path(sys.argv[1]).resolve()
    sys.stdout.write(page(file) if file.suffix == ".md" else header(file))


main()
