#!/usr/bin/env python3
"""Does what examples/command/README.md shows, as a newcomer would, and takes the time: from nothing to a server that refuses a message.

usage: first_module_test.py PROJECT BUILD
"""
import os
import pathlib
import re
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time

from program import BUILD, MODAPI, PROJECT, path_with_modapi

from newcomer import Document, request

README = Document(PROJECT / "examples/command/README.md")
LONGEST = 120  # seconds
# What a compiler's call takes: the launcher writes it down.
LAUNCHER = """#!/bin/sh
begin=$(date +%s%N)
"$@" || exit
echo "$(( ($(date +%s%N) - begin) / 1000000 )) $*" >>"$COMPILED"
"""


class Shell:
    """Runs lines of the document one after another, as in a terminal. CMake is told where modapi is as an installed one is known."""

    def __init__(self, folder):
        self.folder = folder
        launcher = folder / "launcher"
        launcher.write_text(LAUNCHER)
        launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
        self.compiled = folder / "compiled"
        self.environment = dict(os.environ, PATH=path_with_modapi(), modapi_DIR=str(BUILD), CMAKE_CXX_COMPILER_LAUNCHER=str(launcher),
                                COMPILED=str(self.compiled), CMAKE_BUILD_PARALLEL_LEVEL=str(os.cpu_count()), TMPDIR=str(folder))

    def run(self, line):
        if line.startswith("cd "):
            self.folder = self.folder / line[3:]
            return ""
        done = subprocess.run(["bash", "-c", line], cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.stdout.replace(f" -Dmodapi_DIR={BUILD}", "")

    def compile_times(self):
        for line in self.compiled.read_text().splitlines():
            milliseconds, command = line.split(" ", 1)
            yield re.search(r"(\w+\.cpp)$", command), int(milliseconds) / 1000


def pattern(expected):
    """A document's `...` is anything."""
    return re.escape(expected).replace(re.escape("...\n"), "(?:.*\n)*").replace(re.escape("..."), ".*")


def try_block(shell, block):
    for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
        line, _, expected = step.partition("\n")
        if line.startswith("cat "):
            (shell.folder / line.split()[1]).write_text(expected)
        said = shell.run(line)
        assert re.fullmatch(pattern(expected), said), f"{line}\n{said}\nThe document says:\n{expected}"


def run_the_server(shell, block):
    line, _, expected = block.removeprefix("$ ").partition("\n")
    log = shell.folder / "log"
    with open(log, "w") as to_log:
        server = subprocess.Popen(line.split(), cwd=shell.folder, env=shell.environment, text=True, stdout=subprocess.PIPE,
                                  stderr=to_log)
    try:
        said = ""
        while not re.search("^try: .*\n", said, re.M):
            more = server.stdout.readline()
            assert more, said + log.read_text()
            said += more
        wanted = pattern(expected).replace(":8008", r":\d+").replace(re.escape("/tmp/modapi-run-Kx2v9Q"), r"\S+")
        assert re.fullmatch(wanted, said), f"{said}\nThe document says:\n{expected}"
        base = re.search(r"http://[\d.]+:\d+", said).group(0)
        token = re.search(r"token (\S+)", said).group(1)
        room = request(base, "POST", "/_matrix/client/v3/createRoom", {}, token)[1]["room_id"]
        send = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/"
        assert request(base, "PUT", send + "1", {"msgtype": "m.text", "body": "hello"}, token)[0] == 200
        assert request(base, "PUT", send + "2", {"msgtype": "m.text", "body": "lovely spam"}, token)[0] == 403
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0, log.read_text()


def main():
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(pathlib.Path(folder))
        begin = time.monotonic()
        for marker in ("## A first module", "`--python` makes a package", "## Would a host take it?", "## What would it answer?"):
            try_block(shell, README.block(marker, "console"))
        run_the_server(shell, README.block("## Trying it with a server", "console"))
        took = time.monotonic() - begin
        README.require_all_used()
        for source, seconds in shell.compile_times():
            if source:
                print(f"{source.group(1)}: {seconds:.1f} s")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        computed = used.ru_utime + used.ru_stime
        print(f"from nothing to a server that refuses a message: {took:.1f} s, of which {computed:.1f} s of a processor")
        # On a machine that others keep busy the clock tells of them: the build is for two cores, of which it has less then.
        assert min(took, computed / 2) < LONGEST, (took, computed)
        assert MODAPI.exists() and not list(pathlib.Path(folder).glob("modapi-run-*"))


sys.exit(main())
