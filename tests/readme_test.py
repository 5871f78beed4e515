#!/usr/bin/env python3
"""Does what README.md says, as a newcomer would: writes its files, runs its commands, sees what it promises.

usage: readme_test.py PROJECT BUILD
"""
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

from newcomer import block_of, request, run, start

PROJECT = pathlib.Path(sys.argv[1]).resolve()
BUILD = pathlib.Path(sys.argv[2]).resolve()
README = (PROJECT / "README.md").read_text()


def block_after(marker, language):
    return block_of(README, marker, language)


def shell(commands, folder):
    run(commands.replace("$MODAPI/build/release", str(BUILD)), folder, MODAPI=str(PROJECT))


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "no_shouting.cpp").write_text(block_after("## A module in full", "cpp"))
        (folder / "CMakeLists.txt").write_text(block_after("`CMakeLists.txt`:", "cmake"))
        shell(block_after("Build it against this checkout", "sh"), folder)

        yaml = block_after("List it in a configuration", "yaml")
        (folder / "homeserver.yaml").write_text(yaml.replace("module_path", "listeners: [{port: 0}]\nmodule_path"))
        server, base, complaint = start(BUILD / "bin/homeserver", "homeserver.yaml", folder)
        assert base, complaint
        try:
            status, alice = request(base, "POST", "/_matrix/client/v3/register",
                                    {"username": "alice", "password": "correct horse", "auth": {"type": "m.login.dummy"}})
            assert status == 200, alice
            token = alice["access_token"]
            status, room = request(base, "POST", "/_matrix/client/v3/createRoom", {}, token)
            assert status == 200, room
            send = f"/_matrix/client/v3/rooms/{room['room_id']}/send/m.room.message/"
            status, answer = request(base, "PUT", send + "1", {"msgtype": "m.text", "body": "hello there everybody"}, token)
            assert status == 200, answer
            status, answer = request(base, "PUT", send + "2", {"msgtype": "m.text", "body": "HELLO THERE EVERYBODY"}, token)
            assert status == 403 and answer["errcode"] == "M_FORBIDDEN", answer
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=10) == 0, server.stderr.read()

        (folder / "homeserver.yaml").write_text(yaml.replace("longest: 12", "longest: twelve"))
        server, base, complaint = start(BUILD / "bin/homeserver", "homeserver.yaml", folder)
        promised = re.search(r"^homeserver\.yaml:\d+: .*$", README, re.M).group(0)
        # The promised line stands in the YAML as README prints it; only the last line counts, warnings may come before it.
        assert base is None and server.returncode == 1, "the broken configuration was accepted"
        assert complaint.strip().splitlines()[-1].endswith(promised.split(": ", 1)[1]), complaint

        host = folder / "host"
        host.mkdir()
        (host / "host.cpp").write_text(block_after("## Hosting in full", "cpp"))
        (host / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(host LANGUAGES CXX)\nfind_package(modapi REQUIRED)\n"
            "add_executable(host host.cpp)\ntarget_link_libraries(host PRIVATE modapi::modapi)\n")
        shell(block_after("Build it against this checkout", "sh"), host)
        (folder / "homeserver.yaml").write_text(yaml)
        said = subprocess.run([host / "build/host", "homeserver.yaml", "build/modules"], cwd=folder, check=True,
                              capture_output=True, text=True).stdout
        said = "".join(line for line in said.splitlines(keepends=True) if not line.startswith("["))  # the log
        assert said == "hello there everybody: sent\nHELLO THERE EVERYBODY: refused with M_FORBIDDEN\n", said
    print("README keeps its promises")


main()
