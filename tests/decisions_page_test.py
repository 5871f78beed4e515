#!/usr/bin/env python3
"""Runs what the operators' page on decisions, libmodapi/docs/decisions.md, shows, and compares it with what a server answers.

usage: decisions_page_test.py PROJECT BUILD_FOLDER
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

PROJECT, BUILD = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
sys.path.insert(0, str(PROJECT / "examples" / "demo"))

from server import Server  # noqa: E402

PAGE = (PROJECT / "libmodapi/docs/decisions.md").read_text()
SETTINGS = """server_name: localhost
listeners: [{port: 0}]
database: {name: sqlite3, args: {database: ":memory:"}}
enable_registration: true
enable_registration_without_verification: true
registration_shared_secret: only for this test
module_path: %s
modules:
  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ["@mallory:localhost"]}}
"""


def listing(language):
    return re.search(r"^```%s\n(.*?)^```$" % language, PAGE, re.S | re.M).group(1)


def call(server, method, path, token, body):
    request = urllib.request.Request(server.base + path, json.dumps(body).encode(), method=method)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read())


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(BUILD, folder, 0)
        (server.folder / "homeserver.yaml").write_text(listing("yaml") + SETTINGS % (BUILD / "modules"))
        server.start()
        admin = server.register_admin("operator", "pw", "only for this test")
        _, _, session = call(server, "POST", "/_matrix/client/v3/register", None,
                             {"username": "mallory", "password": "pw", "auth": {"type": "m.login.dummy"}})
        mallory = session["access_token"]
        _, _, room = call(server, "POST", "/_matrix/client/v3/createRoom", mallory, {})
        status, headers, refused = call(server, "PUT", "/_matrix/client/v3/rooms/%s/send/m.room.message/1" % room["room_id"], mallory,
                                        {"msgtype": "m.text", "body": "hello"})
        if status != 403:
            sys.exit("the message was not refused: %s" % refused)
        command = listing("sh").replace("http://localhost:8008", server.base)
        environment = dict(os.environ, TOKEN=admin, DECISION=headers["X-Modapi-Decision"])
        finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
        answer, shown = json.loads(finished.stdout), json.loads(listing("json"))
        if len(answer["decisions"]) != 1:
            sys.exit("the command does not find the decision: %s" % finished.stdout)
        found, example = answer["decisions"][0], shown["decisions"][0]
        if list(found) != list(example) or list(answer) != list(shown):
            sys.exit("the page shows other keys than %s" % finished.stdout)
        for key in ("module", "callback", "outcome", "errcode", "text", "user_id", "worker", "event_id"):
            if found[key] != example[key]:
                sys.exit("the page shows another %s than %s" % (key, found[key]))
        documented = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.M))))
        missing = set(found) - documented
        if missing:
            sys.exit("the page does not say what these are: %s" % ", ".join(sorted(missing)))
        if server.stop() != 0:
            sys.exit("the server did not stop cleanly")


main()
