#!/usr/bin/env python3
"""Runs the command of the operators' page on changing modules, libmodapi/docs/reloading.md, and compares the answer with the page's.

usage: reloading_page_test.py PROJECT BUILD_FOLDER
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROJECT, BUILD = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
sys.path.insert(0, str(PROJECT / "examples" / "demo"))

from server import Server  # noqa: E402

SETTINGS = """server_name: localhost
listeners: [{port: 0}]
database: {name: sqlite3, args: {database: ":memory:"}}
registration_shared_secret: only for this test
module_path: %s
modules:
  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: []}}
  - {module: my_auth_provider.MyAuthProvider, config: {credentials: {bob: %s}}}
"""


def listing(language):
    page = (PROJECT / "libmodapi/docs/reloading.md").read_text()
    return re.search(r"^```%s\n(.*?)^```$" % language, page, re.S | re.M).group(1)


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(BUILD, folder, 0)
        file = server.folder / "homeserver.yaml"
        file.write_text(SETTINGS % (BUILD / "modules", "building"))
        server.start()
        token = server.register_admin("operator", "pw", "only for this test")
        file.write_text(SETTINGS % (BUILD / "modules", "moving"))
        command = listing("sh").replace("http://localhost:8008", server.base)
        finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=dict(os.environ, TOKEN=token))
        if json.loads(finished.stdout) != json.loads(listing("json")):
            sys.exit("the page shows another answer than %s" % finished.stdout)
        if server.stop() != 0:
            sys.exit("the server did not stop cleanly")


main()
