#!/usr/bin/env python3
"""Does what README.md and libmodapi/docs/hosting.md say, as a newcomer would: writes their files, runs their commands, sees what
they promise.

usage: readme_test.py PROJECT BUILD
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

from newcomer import Document, files_of, request, run, see_a_message_refused, start

PROJECT = pathlib.Path(sys.argv[1]).resolve()
BUILD = pathlib.Path(sys.argv[2]).resolve()
README = Document(PROJECT / "README.md")
HOSTING = Document(PROJECT / "libmodapi/docs/hosting.md")


def build(folder):
    """The module, its unit test and a host in one project: half of the time goes into configuring one."""
    files = files_of(README.block("## A module in full", "cpp"))
    assert set(files) == {"no_shouting.h", "no_shouting.cpp", "module.cpp", "no_shouting_test.cpp"}, files.keys()
    for name in ("main.cpp", "modules.h"):
        files[name] = (PROJECT / "examples/minimal_host" / name).read_text()
    files["CMakeLists.txt"] = README.block("`CMakeLists.txt`", "cmake") + HOSTING.block("`CMakeLists.txt`", "cmake")
    for name, text in files.items():
        (folder / name).write_text(text)
    commands = README.block("builds and tests it against this checkout", "sh")
    run(commands.replace("$MODAPI/build/release", str(BUILD)), folder, MODAPI=str(PROJECT))


def talk_to_the_server(folder, yaml):
    (folder / "homeserver.yaml").write_text(yaml.replace("module_path", "listeners: [{port: 0}]\nmodule_path"))
    server, base, complaint = start(BUILD / "bin/homeserver", "homeserver.yaml", folder)
    assert base, complaint
    try:
        see_a_message_refused(base, "hello there everybody", "HELLO THERE EVERYBODY")
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=10) == 0, server.stderr.read()


def see_the_mistake(folder, yaml):
    assert "max_length: 12" in yaml, yaml
    (folder / "homeserver.yaml").write_text(yaml.replace("max_length: 12", "max_length: twelve"))
    server, base, complaint = start(BUILD / "bin/homeserver", "homeserver.yaml", folder)
    promised = re.search(r"^homeserver\.yaml:\d+: .*$", README.text, re.M).group(0)
    # The promised line stands in the YAML as README prints it; only the last line counts, warnings may come before it.
    assert base is None and server.returncode == 1, "the broken configuration was accepted"
    assert complaint.strip().splitlines()[-1].endswith(promised), complaint


def host_it(folder, yaml):
    """examples/minimal_host, which the document explains, with the module of README."""
    (folder / "homeserver.yaml").write_text(yaml)
    host = subprocess.Popen([folder / "build/host", "homeserver.yaml"], cwd=folder, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    try:
        port = host.stdout.readline().strip().split(":")[-1]
        asked = re.match(r"curl -sd '(.*)' localhost:\$PORT(/\w+)\n", HOSTING.block("told with `PORT`", "sh"))
        status, answer = request(f"http://127.0.0.1:{port}", "POST", asked.group(2), json.loads(asked.group(1)))
        assert status == 403 and "\n" + json.dumps(answer, separators=(",", ":")) + "\n" in HOSTING.text, (status, answer)
    finally:
        host.send_signal(signal.SIGTERM)
        assert host.wait(timeout=10) == 0, host.stderr.read()


def main():
    # Which tests/packages/run does, with the packages in a clean Debian.
    assert README.block("## From packages", "sh").startswith("apt install ./modapi-homeserver_*.deb ./libmodapi*.deb\nmodapi new ")
    for line in README.block("two commands", "sh").splitlines():
        assert os.access(PROJECT / line.split()[0], os.X_OK), line
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        build(folder)
        yaml = README.block("that lists it", "yaml")
        assert "$MODAPI/build/release/bin/homeserver --config homeserver.yaml" in README.text
        talk_to_the_server(folder, yaml)
        see_the_mistake(folder, yaml)
        host_it(folder, yaml)
    README.require_all_used()
    print("README keeps its promises")


main()
