#!/usr/bin/env python3
"""Holds the pages of what operators configure to the sources: every key that a module takes, the tables it makes and the paths it
serves stand in its section of examples/modules/README.md, and every key of the server in the table of its README.

usage: configuration_pages_test.py PROJECT
"""
import pathlib
import re
import sys

PROJECT = pathlib.Path(sys.argv[1]).resolve()
MODULES = PROJECT / "examples/modules"
SERVER = PROJECT / "examples/homeserver"


def modules():
    """Name in the configuration and sources of each."""
    for path in sorted(MODULES.iterdir()):
        files = sorted(path.glob("*.cpp")) if path.is_dir() else [path] if path.suffix == ".cpp" else []
        source = "\n".join(file.read_text() for file in files)
        for name in re.findall(r"^MODAPI_MODULE\((\w+)\)", source, re.M):
            yield f"{path.stem}.{name}", source


def strings(text):
    return re.findall(r'"([^"]+)"', text)


def keys_of(source):
    return {key for known in re.findall(r"refuse_unknown_keys\(\s*{(.*?)}", source, re.S) for key in strings(known)}


def missing_of_modules():
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", (MODULES / "README.md").read_text(), re.S | re.M))
    found = dict(modules())
    for name in sorted(sections.keys() ^ found.keys()):
        yield f"{name}: has a section and no source, or a source and no section"
    for name in sorted(sections.keys() & found.keys()):
        wanted = keys_of(found[name])
        wanted |= set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", found[name]))
        wanted |= {path.rstrip("/") for path in re.findall(r'"(/_synapse/client/[^"]*)"', found[name])}
        for what in sorted(wanted):
            if what not in sections[name]:
                yield f"{name}: its section doesn't name {what}"
        table = {key for row in re.findall(r"^\| (`.*?) \|", sections[name], re.M) for key in re.findall(r"`([^`]+)`", row)}
        for key in sorted(table - keys_of(found[name])):
            yield f"{name}: takes no {key}"


def missing_of_the_server():
    source = (SERVER / "process/server_configuration.cpp").read_text()
    known = set(strings(re.search(r"server_keys = {(.*?)}", source, re.S).group(1)))
    rows = re.findall(r"^\| (`.*?) \|", (SERVER / "README.md").read_text(), re.M)
    written = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    for key in sorted(known - written):
        yield f"examples/homeserver/README.md: the table has no {key}"
    return known


def main():
    missing = list(missing_of_modules()) + list(missing_of_the_server())
    if missing:
        sys.exit("\n".join(missing))
    print("every key has its line")


main()
