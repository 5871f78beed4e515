#!/usr/bin/env python3
"""Runs what the operators' page on several processes, libmodapi/docs/processes.md, lists: its files, its commands, its balancer; kills a
process, and compares the line with which a second one of a name is refused.

usage: processes_page_test.py PROJECT BUILD_FOLDER

Exit status 77: haproxy is missing, nothing was tested.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROJECT, BUILD = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
sys.path.insert(0, str(PROJECT / "examples" / "demo"))

from engines import Postgresql, started  # noqa: E402
from processes import HAPROXY, Processes, listening_socket  # noqa: E402

SKIPPED = 77
LONGEST_WAIT = 20  # seconds


def listings():
    """By the comment above each."""
    page = (PROJECT / "libmodapi/docs/processes.md").read_text()
    return {name: text for name, text in re.findall(r"^<!-- (\S+) -->\n```\w*\n(.*?)^```$", page, re.S | re.M)}


def free_ports(count):
    sockets = [listening_socket(0) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def write(folder, found, postgresql):
    """The files as they are on the page, but for what is an operator's own."""
    here = {"/srv/homeserver": str(folder), "host: /run/postgresql": "host: %s" % postgresql.host, "user: homeserver": "user: modapi",
            "dbname: homeserver": "dbname: postgres", **dict(zip(("8008", "8010", "8011"), free_ports(3)))}
    for name, text in found.items():
        for theirs, own in here.items():
            text = text.replace(theirs, own)
        (folder / name).write_text(text)
    return "http://127.0.0.1:" + here["8008"]


def run(folder, command, **how):
    words = shlex.split(command)
    return [str(BUILD / "bin" / words[0]), *words[1:]], dict(cwd=folder, **how)


def start(folder, command):
    words, how = run(folder, command)
    process = started(*words, stdout=subprocess.PIPE, stderr=open(folder / "log", "a"), text=True, **how)
    if not process.stdout.readline().startswith("listening on "):
        sys.exit("the server did not start: " + (folder / "log").read_text())
    return process


def get(address):
    try:
        with urllib.request.urlopen(address, timeout=LONGEST_WAIT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def wait_for_health(base):
    until = time.monotonic() + LONGEST_WAIT
    while get(base + "/health") != (200, "OK"):
        if time.monotonic() > until:
            sys.exit("the balancer says %s" % (get(base + "/health"),))
        time.sleep(0.1)


def check(folder, found, commands, base):
    for name in ("redis.yaml", "background.yaml"):
        words, how = run(folder, "%s --config %s --check-config" % (commands[1], name))
        done = subprocess.run(words, capture_output=True, text=True, **how)
        if done.returncode != 0:
            sys.exit("%s: %s" % (name, done.stderr))
    servers = [start(folder, command) for command in commands]
    balancer = started(HAPROXY, "-db", "-f", folder / "haproxy.cfg", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_health(base)
        words, how = run(folder, commands[1])
        second = subprocess.run(words, capture_output=True, text=True, **how)
        shown = re.escape(found["refusal"].strip()).replace("HOST", r"\S+").replace("4711", r"\d+")
        shown = re.sub(r"2026\S+\\ \S+\\ UTC", r"[-0-9: ]+ UTC", shown)
        if second.returncode != 1 or not re.search(shown, second.stderr):
            sys.exit("the page shows another refusal than %s" % second.stderr)
        servers[0].kill()
        servers[0].wait()
        for _ in range(6):
            if get(base + "/_matrix/client/versions")[0] != 200:
                sys.exit("the killed process was missed")
        servers[0] = start(folder, commands[0])
    finally:
        balancer.kill()
        balancer.wait()
        for server in servers:
            server.terminate()
        statuses = [server.wait() for server in servers]
    if any(statuses):
        sys.exit("the servers ended with %s" % statuses)


def main():
    if not Processes.can_be_balanced():
        print("SKIPPED: haproxy is missing (Debian: apt-get install haproxy)")
        return SKIPPED
    found = listings()
    with tempfile.TemporaryDirectory() as name:
        folder, postgresql = pathlib.Path(name), Postgresql(name)
        with postgresql:
            base = write(folder, found, postgresql)
            check(folder, found, found["start"].strip().splitlines(), base)
    return 0


sys.exit(main())
