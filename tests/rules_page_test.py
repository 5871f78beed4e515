#!/usr/bin/env python3
"""Starts the reference homeserver with each listing of the operators' page of rules, libmodapi/docs/rules.md.

usage: rules_page_test.py PROJECT BUILD_FOLDER
"""
import pathlib
import re
import sys
import tempfile

PROJECT, BUILD = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
sys.path.insert(0, str(PROJECT / "examples" / "demo"))

from server import Failed, Server  # noqa: E402

SETTINGS = """server_name: localhost
listeners: [{port: 0}]
database: {name: sqlite3, args: {database: ":memory:"}}
module_path: %s
""" % (BUILD / "modules")


def main():
    listings = re.findall(r"^```yaml\n(.*?)^```$", (PROJECT / "libmodapi/docs/rules.md").read_text(), re.S | re.M)
    if not listings:
        sys.exit("the page has no listing")
    for listing in listings:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(BUILD, folder, 0)
            (server.folder / "homeserver.yaml").write_text(SETTINGS + listing)
            try:
                server.start()
            except Failed as failure:
                sys.exit("%s with\n%s" % (failure, listing))
            if server.stop() != 0:
                sys.exit("the server did not stop cleanly")


main()
