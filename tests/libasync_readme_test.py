#!/usr/bin/env python3
"""Does what libasync/README.md says: builds its plug-in system against the build tree with the component `async` alone, runs it
and compares what it says.

usage: libasync_readme_test.py PROJECT BUILD
"""
import pathlib
import subprocess
import sys
import tempfile

from newcomer import Document, run

PROJECT = pathlib.Path(sys.argv[1]).resolve()
BUILD = pathlib.Path(sys.argv[2]).resolve()
README = Document(PROJECT / "libasync/README.md")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "print_server.cpp").write_text(README.block("`print_server.cpp`:", "cpp"))
        (folder / "CMakeLists.txt").write_text(README.block("`CMakeLists.txt`:", "cmake"))
        commands = README.block("Build it against this checkout", "sh").replace("$MODAPI/build/release", str(BUILD))
        run(commands, folder, MODAPI=str(PROJECT))
        said = subprocess.run([folder / "build/print_server"], check=True, capture_output=True, text=True).stdout
        assert said == README.block("It says:", "text"), said

        known = (folder / "build/CMakeCache.txt").read_text()
        needless = [name for name in ("boost_json", "spdlog") if name + "_DIR" in known]
        assert not needless, f"find_package(modapi COMPONENTS async) looked for {needless}"
    README.require_all_used()
    print("libasync/README keeps its promises")


main()
