#!/usr/bin/env python3
"""Starts the built homeserver and drives it with matrix-js-sdk, a client library that others wrote.

usage: sdk_test.py SOURCE BUILD WORK [--processes]

SOURCE is the folder of this file, BUILD a preset's build folder, WORK a folder of the build in which the library is
installed and the test runs. With --processes three processes answer, by chance. Exit status 77: npm is missing, or haproxy where
it is needed, and nothing was tested.
"""
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE, BUILD, WORK = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
sys.path.insert(0, str(SOURCE.parents[1] / "examples" / "demo"))

from processes import Processes  # noqa: E402
from server import Server  # noqa: E402

SKIPPED = 77
CONFIGURATION = """\
server_name: localhost
%s
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


def drive(server):
    server.configuration.write_text(CONFIGURATION % (server.place, BUILD / "modules"))
    server.start()
    addresses = [server.base, *(each.base for each in server.each())]
    failed = subprocess.run(["node", "sdk_test.js", *addresses], cwd=WORK).returncode != 0
    status = server.stop()
    if failed or status != 0:
        print("\n".join(each.logged() for each in server.each()))
    assert status == 0, f"the server ended with status {status}"
    return int(failed)


def main():
    is_several = "--processes" in sys.argv
    if shutil.which("npm") is None:
        print("SKIPPED: npm is missing; with it (Debian: apt-get install npm) this test drives the server with matrix-js-sdk")
        return SKIPPED
    if is_several and not Processes.can_be_balanced():
        print("SKIPPED: haproxy is missing (Debian: apt-get install haproxy)")
        return SKIPPED
    install()
    with tempfile.TemporaryDirectory() as folder:
        if is_several:
            with Processes(BUILD, folder, 3, balance="random(1)") as processes:
                return drive(processes)
        with open(folder + "/log", "w") as log:
            return drive(Server(BUILD, folder, 0, log))


sys.exit(main())
