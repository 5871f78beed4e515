#!/usr/bin/env python3
"""Looks for includes that go up or in circles.

The floors of the project include only what is below them: libasync <- callbacks <- libmodapi <- examples, with bench and tests
on top. The folders of a floor that are libraries of their own (those with a CMakeLists.txt, as in examples/homeserver) include
one another in one direction: no way leads from a folder back to itself.

    one_way_includes.py [--self-test] [ROOT]
"""

import os
import re
import sys
import tempfile

FLOORS = ("libasync", "callbacks", "libmodapi", "examples")
# By which directory of an include a floor is told: #include <modapi/database.h> is of libmodapi.
PUBLIC = {"async": "libasync", "callbacks": "callbacks", "modapi": "libmodapi"}
# Where folders are rooms: each is a library that is included by its name.
ROOMS = ("libasync", "callbacks", "libmodapi", "examples/homeserver")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = (".h", ".hpp", ".cpp")


class Include:
    """One line of a source file that includes another."""

    def __init__(self, file, line, form, target):
        self.file, self.line, self.form, self.target = file, line, form, target

    def __str__(self):
        return f'{self.file}:{self.line}: #include {self.form}{self.target}{">" if self.form == "<" else self.form}'


def includes_below(root, folder):
    for directory, folders, files in os.walk(os.path.join(root, folder)):
        folders[:] = [name for name in folders if name not in ("build", ".git", "node_modules")]
        for name in sorted(files):
            if not name.endswith(SOURCES):
                continue
            path = os.path.join(directory, name)
            with open(path, encoding="utf-8", errors="replace") as source:
                for number, text in enumerate(source, 1):
                    found = INCLUDE.match(text)
                    if found:
                        yield Include(os.path.relpath(path, root), number, found.group(1), found.group(2))


def floor_of(root, include):
    """The floor of an included file; none: it is none of the project's."""
    if include.form == "<":
        return PUBLIC.get(include.target.split("/")[0])
    beside = os.path.normpath(os.path.join(os.path.dirname(include.file), include.target))
    if os.path.exists(os.path.join(root, beside)):
        return beside.split(os.sep)[0]
    return PUBLIC.get(include.target.split("/")[0])


def upward_includes(root):
    """Includes of a floor by one below it."""
    wrong = []
    for height, floor in enumerate(FLOORS):
        allowed = FLOORS[: height + 1]
        for include in includes_below(root, floor):
            target = floor_of(root, include)
            if target is not None and target not in allowed:
                wrong.append(include)
    return wrong


def rooms_of(root, floor):
    """The folders of a floor that are libraries: folder by the name under which it is included."""
    rooms = {}
    for directory, folders, files in os.walk(os.path.join(root, floor)):
        folders[:] = [name for name in folders if name not in ("build", ".git")]
        if "CMakeLists.txt" in files and os.path.join(root, floor) != directory:
            rooms[os.path.basename(directory)] = os.path.relpath(directory, root)
    return rooms


def room_of(rooms, path):
    """The room that a file is in, the innermost one; none."""
    inside = [name for name, folder in rooms.items() if path.startswith(folder + os.sep)]
    return max(inside, key=lambda name: len(rooms[name]), default=None)


def arrows_of(root, floor):
    """Room -> room -> the includes that make the arrow."""
    rooms = rooms_of(root, floor)
    arrows = {name: {} for name in rooms}
    files = {}
    for name, folder in rooms.items():
        for directory, _, names in os.walk(os.path.join(root, folder)):
            for file in names:
                path = os.path.relpath(os.path.join(directory, file), root)
                if room_of(rooms, path) != name:
                    continue
                files.setdefault(os.path.relpath(path, folder).split("include" + os.sep)[-1], set()).add(name)
                files.setdefault(f"{name}/{os.path.relpath(path, folder)}", set()).add(name)
    for include in includes_below(root, floor):
        here = room_of(rooms, include.file)
        if here is None:
            continue
        beside = os.path.normpath(os.path.join(os.path.dirname(include.file), include.target))
        if include.form == '"' and os.path.exists(os.path.join(root, beside)):
            there = room_of(rooms, beside)
        else:
            known = files.get(include.target, set())
            there = here if here in known or not known else sorted(known)[0]
        if there is not None and there != here:
            arrows[here].setdefault(there, []).append(include)
    return arrows


def reachable(arrows, start):
    seen, waiting = set(), list(arrows[start])
    while waiting:
        room = waiting.pop()
        if room not in seen:
            seen.add(room)
            waiting.extend(arrows[room])
    return seen


def circular_includes(root, floor):
    """The includes of all arrows that are part of a circle."""
    arrows = arrows_of(root, floor)
    wrong = []
    for here, targets in arrows.items():
        for there, includes in targets.items():
            if here in reachable(arrows, there) or here == there:
                wrong.extend(includes)
    return wrong


def complaints(root):
    lines = [f"{include}\n    goes up: {include.file.split(os.sep)[0]} is below it" for include in upward_includes(root)]
    for floor in ROOMS:
        lines += [f"{include}\n    is part of a circle of folders" for include in circular_includes(root, floor)]
    return lines


def self_test():
    """Every kind of mistake in a house of its own is named with its file and line; a house without one is left in peace."""

    def house(files):
        root = tempfile.mkdtemp()
        for name, text in files.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return root

    server = "examples/homeserver"
    sound = {
        "libasync/include/async/task.h": "#include <vector>\n",
        "callbacks/include/callbacks/event.h": "#include <async/task.h>\n",
        "libmodapi/src/worker.cpp": "#include <callbacks/event.h>\n#include <modapi/worker.h>\n",
        f"{server}/CMakeLists.txt": "",
        f"{server}/text/CMakeLists.txt": "",
        f"{server}/text/utf8.h": "",
        f"{server}/text/utf8.cpp": '#include "text/utf8.h"\n',
        f"{server}/http/CMakeLists.txt": "",
        f"{server}/http/router.h": '#include "text/utf8.h"\n#include <modapi/worker.h>\n',
        f"{server}/rooms/CMakeLists.txt": "",
        f"{server}/rooms/room.h": '#include "http/router.h"\n#include "text/utf8.h"\n',
    }
    assert complaints(house(sound)) == []

    up = dict(sound, **{"libasync/include/async/task.h": "#include <vector>\n#include <callbacks/event.h>\n"})
    said = complaints(house(up))
    assert len(said) == 1 and said[0].startswith("libasync/include/async/task.h:2: #include <callbacks/event.h>"), said

    beside = dict(sound, **{"libmodapi/src/worker.cpp": '#include "../../examples/homeserver/text/utf8.h"\n'})
    said = complaints(house(beside))
    assert len(said) == 1 and said[0].startswith("libmodapi/src/worker.cpp:1:"), said

    circle = dict(sound, **{f"{server}/text/utf8.cpp": '#include "text/utf8.h"\n#include "rooms/room.h"\n'})
    said = complaints(house(circle))
    assert any(line.startswith(f'{server}/text/utf8.cpp:2: #include "rooms/room.h"') for line in said), said
    assert any(line.startswith(f'{server}/http/router.h:1: #include "text/utf8.h"') for line in said), said
    assert not any("modapi/worker.h" in line for line in said), said


def main(arguments):
    if "--self-test" in arguments:
        self_test()
        return 0
    root = next((each for each in arguments if not each.startswith("-")), os.path.join(os.path.dirname(__file__), ".."))
    said = complaints(os.path.abspath(root))
    print("\n".join(said))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
