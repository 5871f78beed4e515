#!/usr/bin/env python3
"""Opens the inspector's page of the built server in a real Chromium and uses it as an admin does.

usage: inspector_test.py PROJECT BUILD [--required] [--screenshots FOLDER]

Exit status 77: Chromium, its driver or python3-selenium is missing, nothing was tested; with --required that is an error.
With --screenshots the pictures of libmodapi/docs/inspecting.md are taken.
"""
import argparse
import http.client
import importlib.util
import math
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse

PARSER = argparse.ArgumentParser()
PARSER.add_argument("project", type=pathlib.Path)
PARSER.add_argument("build", type=pathlib.Path)
PARSER.add_argument("--required", action="store_true")
PARSER.add_argument("--screenshots", type=pathlib.Path)
GIVEN = PARSER.parse_args()
SKIPPED = 77
SYSTEMS_PYTHON = "/usr/bin/python3"

if importlib.util.find_spec("selenium") is None and pathlib.Path(sys.executable).resolve() != pathlib.Path(SYSTEMS_PYTHON).resolve():
    os.execv(SYSTEMS_PYTHON, [SYSTEMS_PYTHON, "-B", *sys.argv])  # Debian installs selenium for its own Python alone
MISSING = [name for name, is_there in (("chromium", shutil.which("chromium")), ("chromium-driver", shutil.which("chromedriver")),
                                       ("python3-selenium", importlib.util.find_spec("selenium"))) if not is_there]
if MISSING:
    print("%s: this test needs a browser (Debian: apt-get install %s)" % ("FAILED" if GIVEN.required else "SKIPPED", " ".join(MISSING)))
    sys.exit(1 if GIVEN.required else SKIPPED)

sys.path.insert(0, str(GIVEN.project.resolve() / "examples/demo"))

import inspector_hostile as hostile  # noqa: E402
from inspector_browser import Browser, Failed, until  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from server import Server  # noqa: E402

PAGE = "/_synapse/admin/modules/"
MOST_BYTES = 150_000
LONGEST_PAINT = 1_000  # ms
LONGEST_POLL = 5.0  # ms
SETTINGS = """server_name: localhost
listeners: [{port: 0}]
database: {name: sqlite3, args: {database: homeserver.db}}
registration_shared_secret: only for this test
enable_registration: true
enable_registration_without_verification: true
module_path: %s
workers: %d
modules:
%s
"""
MODULES = """\
  - {module: list_spam_checker.ListSpamChecker, config: {evil_users: ["@mallory:localhost"]}}
  - {module: unsigned_fields.UnsignedFields, config: {badges: {"@alice:localhost": staff}}}
  - {module: my_auth_provider.MyAuthProvider, config: {credentials: {bob: building}}}
"""
LOOKS = [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")]
HOSTILE_NAME = "\u202e<img src=x onerror=window.broken=1>"


class World:
    def __init__(self, folder, modules=MODULES, workers=2):
        self.server = Server(GIVEN.build.resolve(), folder, 0, open(folder / "log", "a"))
        (folder / "modules").symlink_to(GIVEN.build.resolve() / "modules")  # so that pictures show no place of who takes them
        (folder / "homeserver.yaml").write_text(SETTINGS % (folder / "modules", workers, modules))
        self.server.start()
        self.admin = self.server.register_admin("operator", "the operator's", "only for this test")
        self.sent = 0

    def join(self):
        """Alice's room, which mallory is in; both may say something, as far as modules let them."""
        self.tokens = {user: self.server.expect_ok("POST", "/_matrix/client/v3/register", {
            "username": user, "password": "pw", "auth": {"type": "m.login.dummy"}})["access_token"] for user in ("alice", "mallory")}
        self.server.expect_ok("PUT", "/_matrix/client/v3/profile/@mallory:localhost/displayname", {"displayname": HOSTILE_NAME}, self.tokens["mallory"])
        self.room = self.server.expect_ok("POST", "/_matrix/client/v3/createRoom", {"preset": "public_chat", "name": "Lounge"}, self.tokens["alice"])["room_id"]
        self.server.expect_ok("POST", "/_matrix/client/v3/join/" + self.room, {}, self.tokens["mallory"])

    def say(self, user, event_type="m.room.message"):
        self.sent += 1
        path = "/_matrix/client/v3/rooms/%s/send/%s/%d" % (self.room, urllib.parse.quote(event_type, safe=""), self.sent)
        return self.server.request("PUT", path, {"msgtype": "m.text", "body": "hello %d" % self.sent}, self.tokens[user])[0]

    @property
    def page(self):
        return self.server.base + PAGE


def log_in(browser, world, user="operator", password="the operator's"):
    browser.open(world.page)
    browser.write("#password-login input[name=user]", user)
    browser.write("#password-login input[name=password]", password + Keys.ENTER)


def expect(condition, words):
    if not condition:
        raise Failed(words)


def check_requests(browser, world, may_be_refused=False):
    browser.take_logs()
    elsewhere = [address for address, _, _ in browser.requests if not address.startswith((world.server.base + "/", "data:"))]  # the browser draws its own widgets by the latter
    expect(not elsewhere, "the page asks elsewhere: %s" % elsewhere)
    complaints = [each for each in browser.complaints if not (may_be_refused and "status of 403" in each)]
    expect(not complaints, "the browser's console says: %s" % complaints)


def is_shown_within_a_second_and_small(browser, world):
    browser.take_logs()
    browser.requests.clear()
    browser.open(world.page)
    browser.one("#password-login button")
    painted = until("a first picture", lambda: browser.run("return performance.getEntriesByType('paint').find((each) => each.name === 'first-contentful-paint')?.startTime"))
    browser.take_logs()
    size = sum(each[2] for each in browser.requests)
    print("    first picture after %.0f ms, %d bytes in %d files" % (painted, size, len(browser.requests)))
    expect(len(browser.requests) > 5 and size > 10_000, "no file was seen: %s" % browser.requests)
    expect(painted < LONGEST_PAINT, "the first picture comes after %.0f ms" % painted)
    expect(size < MOST_BYTES, "the page has %d bytes" % size)
    expect(browser.run("return window.origin") == "null", "the page's scripts have the origin of the server")
    check_requests(browser, world)


def tells_a_user_who_is_no_admin_so(browser, world):
    log_in(browser, world, "alice", "pw")
    words = until("words for who is no admin", lambda: browser.text("#login-problem"))
    expect("@alice:localhost isn't an admin of this server" in words, words)
    browser.write("#password-login input[name=user]", "operator")
    browser.write("#password-login input[name=password]", "not the password" + Keys.ENTER)
    until("words for a wrong password", lambda: "password" in browser.text("#login-problem").lower())
    check_requests(browser, world, may_be_refused=True)
    browser.complaints.clear()


def module_state(browser):
    return browser.text(".module .state")


def choose(browser, mode):
    browser.click(".module [data-mode=%s]" % mode)
    browser.one("#confirmation-do")
    expect(browser.run("return document.activeElement.id") == "confirmation-cancel", "a dialog begins with what changes nothing")
    browser.click("#confirmation-do")


def shows_a_refusal_and_lets_the_next_one_pass(browser, world, width, scheme):
    browser.look(width, 900, scheme)
    log_in(browser, world)
    browser.one(".module")
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    expect(("rgb(21" in paper) == (scheme == "dark"), "in %s the page is %s" % (scheme, paper))
    until("decisions or that there are none", lambda: browser.all(".decision") or browser.text("#no-decisions"))
    known = set(browser.run("return Array.from(document.querySelectorAll('.decision'), (each) => each.dataset.id)"))

    expect(world.say("mallory") == 403, "the message isn't refused")
    fresh = until("the refused message among the decisions", lambda: [
        each for each in browser.all(".decision") if each.get_attribute("data-id") not in known])
    expect("ListSpamChecker" in fresh[0].text and "denied" in fresh[0].text, fresh[0].text)
    browser.run("arguments[0].querySelector('summary').click()", fresh[0])
    expect("@mallory:localhost" in fresh[0].text and world.room in fresh[0].text, fresh[0].text)

    expect(world.say("mallory", HOSTILE_NAME) == 403, "the hostile event isn't refused")
    browser.write("#filters input[name=user_id]", "@nobody:localhost")
    browser.one("#no-decisions")
    expect("No decision fits" in browser.text("#no-decisions"), browser.text("#no-decisions"))
    browser.write("#filters input[name=user_id]", "@mallory:localhost")
    until("the decisions about mallory", lambda: len(browser.all(".decision")) >= 2)
    browser.run("for (const each of document.querySelectorAll('#decision-list details')) each.open = true")
    expect(not browser.all("#decision-list img"), "an event's type became an element")
    browser.click("#clear-filters")

    if not browser.run("return document.querySelector('.module details').open"):
        browser.click(".module summary")
    expect(module_state(browser) == "running", module_state(browser))
    choose(browser, "shadow")
    until("shadow mode", lambda: module_state(browser) == "shadow")
    expect(world.say("mallory") == 200, "a module in shadow mode refused")
    until("what would have been refused", lambda: "shadow differs" in browser.text("#decision-list"))
    for user in ("alice",) * 12:
        world.say(user)
    until("the calls in a chart", lambda: browser.run("return document.querySelector('.chart.calls .line').getAttribute('d').length > 10"), 30)
    expect(not browser.is_wider_than_window(), "the page is wider than %d pixels" % width)
    browser.run("window.scrollTo(0, 0)")
    choose(browser, "enforce")
    until("that it is asked again", lambda: module_state(browser) == "running")
    expect(world.say("mallory") == 403, "the module isn't asked again")
    browser.click("#logout")
    browser.one("#login")
    expect(not browser.all(".module") and not browser.all(".decision"), "who is logged out sees data")
    check_requests(browser, world)


def works_by_the_keyboard_alone(browser, world):
    browser.look(1280, 900, "light")
    browser.open(world.page)
    browser.one("#password-login input[name=user]")
    browser.press("operator", Keys.TAB)
    browser.press("the operator's", Keys.ENTER)
    browser.one(".module")
    browser.tab_to(".module summary")
    browser.press(Keys.ENTER)
    browser.tab_to(".module [data-mode=off]")
    outline = browser.run("const style = getComputedStyle(document.activeElement); return style.outlineStyle + ' ' + style.outlineWidth")
    expect(not outline.startswith("none") and not outline.endswith(" 0px"), "the focus isn't seen: " + outline)
    browser.press(Keys.ENTER)
    browser.one("#confirmation-do")
    for _ in range(6):
        browser.press(Keys.TAB)
        expect(browser.run("return document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)"), "the focus leaves the dialog")
    browser.press(Keys.ESCAPE)
    until("the dialog's end", lambda: not browser.run("return document.querySelector('dialog').open"))
    expect(browser.run("return document.activeElement.dataset.mode") == "off", "the focus is lost after a dialog")
    browser.press(Keys.ENTER)
    browser.tab_to("#confirmation-do")
    browser.press(Keys.ENTER)
    until("that it is off", lambda: module_state(browser) == "off")
    browser.tab_to("#reload")
    browser.press(Keys.ENTER)
    browser.tab_to("#confirmation-do")
    browser.press(Keys.ENTER)
    until("that the file holds again", lambda: module_state(browser) == "running")
    check_requests(browser, world)


def has_pictures_for_the_document(browser, world):
    """A quarter of an hour on the page passes in some seconds, for drawings that show something."""
    script = browser.before_each_page("""(() => {
        const later = window.setTimeout.bind(window), now = performance.now.bind(performance);
        let skipped = 0;
        window.setTimeout = (act, delay = 0) => {
            if (delay < 1000) later(act, delay);
            else if (skipped < 900_000) later(() => { skipped += delay; act(); });
        };
        performance.now = () => now() + skipped;
        window.skippedTime = () => skipped;
    })()""")
    browser.look(1280, 860, "light")
    log_in(browser, world)
    browser.click(".module summary")
    chance = random.Random(7)
    while browser.run("return window.skippedTime()") < 899_000:
        minutes = browser.run("return window.skippedTime()") / 60_000
        for _ in range(chance.randrange(1, 4 + int(3 * (1 + math.sin(minutes))))):
            world.say("mallory" if chance.random() < 0.12 else "alice")
    browser.run("document.documentElement.style.scrollBehavior = 'auto'; window.scrollTo(0, 0)")
    browser.picture(GIVEN.screenshots / "inspector.png")
    browser.click(".module [data-mode=shadow]")
    browser.one("#confirmation-do")
    browser.look(1280, 560, "light")
    browser.picture(GIVEN.screenshots / "inspector-confirmation.png")
    browser.click("#confirmation-cancel")
    browser.look(400, 800, "dark")
    browser.run("window.scrollTo(0, 0)")
    until("the colours of the dark", lambda: browser.run("return document.getAnimations().length === 0"))
    browser.picture(GIVEN.screenshots / "inspector-narrow.png")
    browser.look(1280, 640, "light")
    browser.write("#filters input[name=user_id]", "@mallory:localhost")
    until("the decisions about mallory", lambda: "that fit" in browser.text("#decisions-told"))
    browser.run("document.activeElement.blur(); document.querySelector('.decision details').open = true; document.querySelector('#decisions').scrollIntoView()")
    until("what is known of it", lambda: browser.all(".decision .facts") and browser.run("return document.getAnimations().length === 0"))
    browser.picture(GIVEN.screenshots / "inspector-decisions.png")
    browser.no_longer(script)


def says_when_the_server_is_away(browser, world):
    log_in(browser, world)
    browser.one(".module")
    expect(world.server.stop() == 0, "the server did not stop cleanly")
    until("that the server can't be reached", lambda: "can't be reached" in browser.text("#connection"))
    browser.one("#try-now")


def measured(world, path):
    """Milliseconds, the median of requests on one connection."""
    connection = http.client.HTTPConnection(world.server.base[len("http://"):])
    times = []
    for _ in range(120):
        begin = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": "Bearer " + world.admin})
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - begin) * 1000)
        expect(answer.status == 200, "%s: %d %s" % (path, answer.status, body[:200]))
    connection.close()
    # Whoever else works on this machine may slow down some of them.
    medians = [statistics.median(times[begin:begin + 40]) for begin in range(0, 120, 40)]
    print("    %s: medians of 40 are %s ms; the slowest took %.2f ms; %d bytes"
          % (path, ", ".join("%.2f" % median for median in medians), max(times), len(body)))
    return min(medians)


def answers_polls_quickly(folder, modules=50):
    kinds = ["{module: list_spam_checker.ListSpamChecker, config: {evil_users: ['@mallory:localhost']}}",
             "{module: unsigned_fields.UnsignedFields, config: {field: org.example.badge, badges: {'@alice:localhost': staff}}}",
             "{module: probe.Probe, config: {name: n%d, unsigned: false}, callbacks: {mode: 'off'}}"]
    few = [kinds[number % 2] for number in range(modules - 5)]
    many = [kinds[2] % number for number in range(5)]  # these have all callbacks that there are
    world = World(folder, "".join("  - %s\n" % entry for entry in few + many), workers=1)
    medians = [measured(world, "/_synapse/admin/v1/" + path)
               for path in ("modules", "modules/decisions?limit=100", "background_updates/status")]
    world.server.stop()
    expect(sum(medians) < LONGEST_POLL, "one poll of %d modules takes %.2f ms" % (modules, sum(medians)))


def step(what, *arguments):
    begin = time.monotonic()
    print("%s %s" % (what.__name__.replace("_", " "), " ".join(str(each) for each in arguments[2:])), flush=True)
    what(*arguments)
    print("    fine, after %.1f s" % (time.monotonic() - begin), flush=True)


def main():
    if GIVEN.screenshots:
        GIVEN.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="modapi-") as folder:
        folder = pathlib.Path(folder)
        for name in ("server", "quick"):
            (folder / name).mkdir()
        world = World(folder / "server")
        world.join()
        browser = Browser(folder)
        try:
            step(is_shown_within_a_second_and_small, browser, world)
            step(tells_a_user_who_is_no_admin_so, browser, world)
            for look in LOOKS:
                step(shows_a_refusal_and_lets_the_next_one_pass, browser, world, *look)
            step(works_by_the_keyboard_alone, browser, world)
            for scenario in (hostile.strangers_texts_stay_texts, hostile.asks_one_after_the_other_and_only_while_visible,
                             hostile.asks_ever_more_rarely_while_it_goes_wrong, hostile.says_of_everything_that_there_is_none,
                             hostile.tells_latency_by_buckets):
                step(scenario, browser, world.page)
            check_requests(browser, world)
            step(hostile.a_long_time_costs_little_memory, browser, world.page)
            if GIVEN.screenshots:
                step(has_pictures_for_the_document, browser, world)
            step(says_when_the_server_is_away, browser, world)
        except Exception:
            seen = pathlib.Path(tempfile.gettempdir()) / "modapi_inspector_failed.png"
            browser.picture(seen)
            print("    what the page looked like: %s; the server's log:" % seen)
            print("\n".join((folder / "server/log").read_text().splitlines()[-20:]))
            raise
        finally:
            browser.close()
            if world.server.process.poll() is None:
                world.server.stop()
        step(answers_polls_quickly, folder / "quick")
    return 0


try:
    sys.exit(main())
except Failed as failure:
    sys.exit("FAILED: %s" % failure)
