#!/usr/bin/env python3
"""Starts the built homeserver and drives it with matrix-js-sdk, a client library that others wrote.

usage: sdk_test.py SOURCE BUILD WORK

SOURCE is the folder of this file, BUILD a preset's build folder, WORK a folder of the build in which the library is
installed and the test runs. Exit status 77: npm is missing, nothing was tested.
"""
import hashlib
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

SOURCE, BUILD, WORK = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
SKIPPED = 77
CONFIGURATION = """\
server_name: localhost
listeners: [{port: 0}]
enable_registration: true
enable_registration_without_verification: true
module_path: %s
modules:
  - module: list_spam_checker.ListSpamChecker
    config: {evil_users: ["@mallory:localhost"]}
  - module: probe.Probe
    config: {name: a}
  - module: probe.Probe
    config: {name: b}
"""


def install():
    """The library with exactly the versions of package-lock.json; kept from run to run as long as that file is the same."""
    WORK.mkdir(parents=True, exist_ok=True)
    for file in [*SOURCE.glob("*.js"), *SOURCE.glob("*.json")]:
        shutil.copy(file, WORK)
    wanted = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    installed = WORK / "installed"
    if installed.exists() and installed.read_text() == wanted:
        return
    installed.unlink(missing_ok=True)  # until all of it is there again
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    patience = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    if subprocess.run([*command, *patience], cwd=WORK).returncode != 0:
        sys.exit("FAILED: npm is here but can't install matrix-js-sdk; what npm says stands above. Is its registry reachable?")
    installed.write_text(wanted)


def start(folder, log):
    (folder / "homeserver.yaml").write_text(CONFIGURATION % (BUILD / "modules"))
    server = subprocess.Popen([BUILD / "bin/homeserver", "--config", "homeserver.yaml"], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=log)
    line = server.stdout.readline()
    if not line.startswith("listening on "):
        sys.exit(f"the server didn't start: exit status {server.wait(timeout=30)}")
    return server, "http://" + line.split()[-1]


def main():
    if shutil.which("npm") is None:
        print("SKIPPED: npm is missing; with it (Debian: apt-get install npm) this test drives the server with matrix-js-sdk")
        return SKIPPED
    install()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "log", "w") as log:
            server, base = start(folder, log)
        try:
            failed = subprocess.run(["node", "sdk_test.js", base], cwd=WORK).returncode != 0
        finally:
            server.send_signal(signal.SIGTERM)
            status = server.wait(timeout=10)
        if failed or status != 0:
            print((folder / "log").read_text())
        assert status == 0, f"the server ended with status {status}"
        return int(failed)


sys.exit(main())
