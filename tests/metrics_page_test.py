#!/usr/bin/env python3
"""Runs what the operators' page on metrics, libmodapi/docs/metrics.md, shows, and compares its table with what a server says of itself.

usage: metrics_page_test.py PROJECT BUILD_FOLDER

Exits with 77 where promtool isn't installed, after everything that needs none.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROJECT, BUILD = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
sys.path.insert(0, str(PROJECT / "examples" / "demo"))

from server import Server  # noqa: E402

PAGE = (PROJECT / "libmodapi/docs/metrics.md").read_text()
PROMTOOL = shutil.which("promtool")
SECRET = "only for this test"

# Modules that between them have something of everything: an entry of one name twice, the second one on trial.
SETTINGS = """server_name: localhost
database: {name: sqlite3, args: {database: ":memory:"}}
enable_registration: true
enable_registration_without_verification: true
registration_shared_secret: %s
workers: %d
module_path: %s
modules:
  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ["@mallory:localhost"]}, callbacks: {breaker: {failures: 5}}}
  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ["@bob:localhost"]}, callbacks: {mode: shadow}}
  - {module: my_module.MyModule, config: {endpoint: "http://127.0.0.1:1/"}}
  - {module: email_account_validity.EmailAccountValidity, config: {period: 6w, renew_at: 1w}}
  - {module: echoing.Echoing, config: {replies: 0, processes: true}}
"""


def listings(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, PAGE, re.S | re.M)


class MetricsServer(Server):
    """A server with the page's listeners, which take any port; ends with the block that it is for."""

    def __init__(self, folder, workers):
        super().__init__(BUILD, folder, 0, subprocess.DEVNULL)
        settings = SETTINGS % (SECRET, workers, BUILD / "modules")
        listeners, _ = listings("yaml")
        (self.folder / "homeserver.yaml").write_text(re.sub(r"port: \d+", "port: 0", listeners) + settings)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def start(self):
        super().start()
        line = self.process.stdout.readline()
        require(line.startswith("listening on "), "the metrics listener does not say where it is: %r" % line)
        self.metrics = "http://" + line.split()[-1]
        self.admin = self.register_admin("operator", "pw", SECRET)

    def register(self, name):
        return self.expect_ok("POST", "/_matrix/client/v3/register",
                              {"username": name, "password": "pw", "auth": {"type": "m.login.dummy"}})["access_token"]

    def send(self, room, text, token):
        path = "/_matrix/client/v3/rooms/%s/send/m.room.message/%d" % (room, time.monotonic_ns())
        return self.request("PUT", path, {"msgtype": "m.text", "body": text}, token)[0]

    def scrape(self):
        return fetch(self.metrics + "/_synapse/metrics")


def require(holds, otherwise):
    if not holds:
        sys.exit(otherwise)


def fetch(url, token=None, method="GET"):
    """(status, content type, text)"""
    request = urllib.request.Request(url, method=method)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def total(text, family, **labels):
    """The sum of a family's series that have these labels."""
    values = []
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if re.split(r"[{ ]", name)[0] == family and all('%s="%s"' % label in name for label in labels.items()):
            values.append(float(value))
    return sum(values)


def promtool(*arguments, given=None):
    if PROMTOOL is None:
        return
    checked = subprocess.run([PROMTOOL, *arguments], input=given, capture_output=True, text=True)
    require(checked.returncode == 0 and "error" not in checked.stderr, "promtool %s: %s%s" % (arguments, checked.stdout, checked.stderr))


def check_who_may_ask(server, user):
    status, content_type, text = server.scrape()
    require((status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8"), "%s %s" % (status, content_type))
    for path in ("/", "/metrics", "/_synapse/admin/v1/modules", "/_matrix/client/versions", "/_synapse/client/echoing",
                 "/_synapse/metrics/x"):
        require(fetch(server.metrics + path)[0] == 404, "%s is served where only metrics should be" % path)
    path = server.base + "/_synapse/admin/v1/metrics"
    require(fetch(path)[0] == 401, "the admins' metrics are for everybody")
    require(fetch(path, user)[0] == 403, "the admins' metrics are for every user")
    status, content_type, text = fetch(path, server.admin)
    require(status == 200 and "modapi_worker_up" in text, "an admin gets no metrics: %d" % status)
    require(fetch(server.base + "/_synapse/metrics", server.admin)[0] == 404, "clients' listeners serve metrics")


def check_numbers(server):
    """Everything moves by what is done."""
    checker = {"module": "list_spam_checker.ListSpamChecker", "callback": "check_event_for_spam"}
    bob, mallory = server.register("bob"), server.register("mallory")
    room = server.expect_ok("POST", "/_matrix/client/v3/createRoom", {"preset": "public_chat"}, bob)["room_id"]
    server.expect_ok("POST", "/_matrix/client/v3/join/" + room, {}, mallory)
    before = server.scrape()[2]
    for _ in range(3):
        require(server.send(room, "hello", bob) == 200, "bob can't say hello")
    require(server.send(room, "hello", mallory) == 403, "mallory may say hello")
    fetch(server.base + "/_synapse/client/my_module/department?user_id=@bob:localhost")
    status, _, after = server.scrape()

    def moved(family, **labels):
        return total(after, family, **labels) - total(before, family, **labels)

    require(moved("modapi_callback_calls_total", **checker) >= 3, "calls of a callback aren't counted:\n" + after)
    require(moved("modapi_callback_shadow_results_total", module=checker["module"] + "#2", result="differed") == 3,
            "answers in shadow mode aren't counted:\n" + after)
    require(moved("modapi_callback_decisions_total", outcome="denied", **checker) == 1, "decisions aren't counted:\n" + after)
    require(moved("modapi_http_client_requests_total", module="my_module.MyModule", status="none") == 1,
            "a module's request isn't counted:\n" + after)
    require(moved("modapi_web_resource_failures_total", path="/_synapse/client/my_module/department") == 1,
            "a web resource isn't counted:\n" + after)
    require(moved("modapi_cache_misses_total", function="get_department_for_user") == 1, "a cache isn't counted:\n" + after)
    sent = {"endpoint": "/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{transaction_id}", "method": "PUT"}
    require(moved("modapi_http_server_requests_total", status="2xx", **sent) == 3 and moved("modapi_http_server_requests_total", status="4xx", **sent) == 1,
            "requests aren't counted:\n" + after)
    require(moved("modapi_http_server_request_duration_seconds_count", **sent) == 4, "requests aren't timed:\n" + after)
    require(total(after, "modapi_worker_up") == 2, "not both workers are up:\n" + after)
    require(total(after, "modapi_callback_breaker_state", **checker) == 0 and "modapi_callback_breaker_state{" in after,
            "there is no breaker:\n" + after)
    for _ in range(2):
        require(fetch(server.base + "/_synapse/nothing")[0] == 404, "there is something at a path that isn't")
    require(total(server.scrape()[2], "modapi_http_server_requests_total", endpoint="unrecognized") >= 2,
            "what nobody serves isn't counted")


def check_table(text):
    """The page names every family that there is, and no other. What only several processes have stands in a part of its own."""
    there = set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    table = PAGE.partition("\n## Several processes\n")[0]
    named = set(re.findall(r"`((?:modapi|process)_\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))))
    require(there - named == set(), "the page doesn't name %s" % sorted(there - named))
    require(named - there == set(), "the page names what isn't there: %s" % sorted(named - there))


def check_listings(server):
    command, = listings("sh")
    _, scraping = listings("yaml")
    if PROMTOOL is None:
        return
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command.replace("http://localhost:9008", server.metrics)],
                         capture_output=True, text=True)
    require(ran.returncode == 0 and not ran.stdout + ran.stderr, "%s says %s%s" % (command, ran.stdout, ran.stderr))
    (server.folder / "prometheus.yml").write_text(scraping)
    promtool("check", "config", str(server.folder / "prometheus.yml"))
    rules = ""
    for number, query in enumerate(listings("promql")):
        rules += "    - record: 'page:query%d'\n      expr: |\n%s\n" % (number, re.sub("^", "        ", query.rstrip(), flags=re.M))
    (server.folder / "rules.yml").write_text("groups:\n  - name: page\n    rules:\n" + rules)
    promtool("check", "rules", str(server.folder / "rules.yml"))


def check_two_workers(server):
    check_who_may_ask(server, server.register("alice"))
    check_numbers(server)
    check_table(server.scrape()[2])
    check_listings(server)
    promtool("check", "metrics", given=fetch(server.base + "/_synapse/admin/v1/metrics", server.admin)[2])
    require(server.stop() == 0, "the server did not stop cleanly")


def check_blocked_worker(server):
    """The only one there is: who says so is no worker."""
    alice = server.register("alice")
    room = server.expect_ok("POST", "/_matrix/client/v3/createRoom", {}, alice)["room_id"]
    require(server.send(room, "block later", alice) == 200, "alice can't send")
    patience = time.monotonic() + 20
    while total(server.scrape()[2], "modapi_worker_up", worker="main") != 0:
        require(time.monotonic() < patience, "the worker isn't blocked")
    began = time.monotonic()
    text = server.scrape()[2]
    took = time.monotonic() - began
    require(took < 1, "the answer took %.1f s" % took)
    require('modapi_worker_up{worker="main"} 0\n' in text, "the blocked worker isn't named:\n" + text)
    require("process_open_fds " in text and "modapi_http_server_requests_total{" in text, "the rest is missing:\n" + text)
    promtool("check", "metrics", given=text)


def main():
    for check, workers in ((check_two_workers, 2), (check_blocked_worker, 1)):
        with tempfile.TemporaryDirectory() as folder, MetricsServer(folder, workers) as server:
            check(server)
    if PROMTOOL is None:
        print("promtool isn't installed: what the metrics look like wasn't checked")
        sys.exit(77)


main()
