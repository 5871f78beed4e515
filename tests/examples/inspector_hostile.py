"""What strangers might write, in the place of every text that the inspector shows; and a long time of it."""

import json
import pathlib

from inspector_browser import Failed, until
from selenium.webdriver.common.keys import Keys

SCRIPT = pathlib.Path(__file__).with_name("inspector_made_up.js").read_text()
TEXTS = [
    "<img src=x onerror=\"window.broken=1\">", "\"><script>window.broken=1</script>", "</pre></bdi><svg onload=window.broken=1>",
    "x" * 10_000, "\u202eteg.suoregnad\u202c \u2069\u2066\u2069 end", "\u0000\u0007\n\ttabs\r", "__proto__", "constructor", "${window.broken=1}{{7*7}}",
    "javascript:window.broken=1", "\ud83d\ude00 " * 300, "مرحبا " * 40, "&lt;b&gt;&#60;", "a\u200bb\ufeff", " ", "' onfocus='window.broken=1' autofocus='",
]


def made_up(browser, **settings):
    given = {"modules": 16, "callbacks": 2, "texts": TEXTS, "decisions": 5, "haste": False, "silent": True, **settings}
    return browser.before_each_page("(() => {const made_up = %s;\n%s})()" % (json.dumps(given), SCRIPT))


def enter(browser, address):
    browser.open(address)
    browser.write("#password-login input[name=user]", "operator")
    browser.write("#password-login input[name=password]", "pw" + Keys.ENTER)
    browser.one(".module")


def strangers_texts_stay_texts(browser, address):
    script = made_up(browser)
    for width in (1280, 400):
        browser.look(width, 900, "light")
        enter(browser, address)
        until("decisions", lambda: len(browser.all(".decision")) >= 16)
        browser.run("for (const each of document.querySelectorAll('details')) each.open = true")
        until("charts of all modules", lambda: browser.run("return document.querySelectorAll('.charts').length") >= 32)
        for selector in ("#module-list", "#decision-list", "#update-list", "#silent"):
            if selector in ("#module-list", "#decision-list"):
                until("an element's text as text in " + selector, lambda: "<img src=x" in browser.text(selector))
            if browser.run("return document.querySelector(arguments[0]).querySelectorAll('img, script, iframe, a, object, [onerror], [onload]').length", selector):
                raise Failed("%s has an element that a stranger wrote" % selector)
        shown = browser.run("return document.body.innerText")
        for turned in "\u202e\u2066\u2069\u200b\ufeff\u0000\u0007":
            if turned in shown:
                raise Failed("the page shows %r, by which a text looks like another" % turned)
        if browser.is_wider_than_window():
            raise Failed("strangers' texts make the page wider than %d pixels" % width)
        browser.run("document.querySelector('.module [data-mode=shadow]').click()")
        browser.one("#confirmation-do")
        browser.click("#confirmation-cancel")
        if browser.run("return window.broken !== undefined"):
            raise Failed("a stranger's text ran as a script")
    browser.no_longer(script)


def asks_one_after_the_other_and_only_while_visible(browser, address):
    script = made_up(browser, modules=2, silent=False)
    enter(browser, address)
    browser.run("window.madeUp.delay = 300; window.madeUp.most = 0")
    for _ in range(5):
        browser.run("const field = document.querySelector('#filters input[name=user_id]'); field.value += 'x'; field.dispatchEvent(new Event('input', {bubbles: true}))")
        until("another poll", lambda: browser.run("return window.madeUp.underWay > 0"))
    until("polls", lambda: browser.run("return window.madeUp.most >= 1"))
    if browser.run("return window.madeUp.most") != 1:
        raise Failed("two polls ran at once")
    browser.run("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true}); document.dispatchEvent(new Event('visibilitychange'))")
    until("the last poll's end", lambda: browser.run("return window.madeUp.underWay === 0"))
    before = browser.run("return new Promise((resolve) => setTimeout(() => resolve(window.madeUp.polls), 1000))")
    after = browser.run("return new Promise((resolve) => setTimeout(() => resolve(window.madeUp.polls), 2800))")
    if after != before:
        raise Failed("a page that nobody sees asks on")
    browser.run("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))")
    until("polls once it is seen again", lambda: browser.run("return window.madeUp.polls") > before)
    browser.no_longer(script)


def asks_ever_more_rarely_while_it_goes_wrong(browser, address):
    script = made_up(browser, modules=2, silent=False)
    enter(browser, address)
    browser.run("window.madeUp.failure = {status: 503, error: 'The <b>database</b> is away'}")
    words = until("what is wrong", lambda: "database" in browser.text("#connection") and browser.text("#connection"))
    if "The <b>database</b> is away" not in words or "Trying again in 4 s" not in words:
        raise Failed("the page says of an error: " + words)
    until("a longer pause", lambda: "Trying again in 8 s" in browser.text("#connection"))
    browser.run("window.madeUp.failure = null")
    browser.click("#try-now")
    until("that it is live again", lambda: browser.text("#connection").strip().startswith("Live"))
    browser.run("window.madeUp.failure = {status: 429, error: 'Too much', retry_after_ms: 90000}")
    until("the pause that the server wants", lambda: "Trying again in 1.5 min" in browser.text("#connection"))
    browser.run("window.madeUp.failure = {status: 401, error: 'Unknown token'}")
    browser.click("#try-now")
    until("why one is logged out", lambda: "doesn't know this page's token" in browser.text("#login-problem"))
    browser.no_longer(script)


def says_of_everything_that_there_is_none(browser, address):
    script = made_up(browser, modules=0, decisions=0, silent=False)
    browser.look(400, 900, "dark")
    browser.open(address)
    browser.write("#password-login input[name=user]", "operator")
    browser.write("#password-login input[name=password]", "pw" + Keys.ENTER)
    browser.one("#no-modules")
    browser.one("#no-decisions")
    until("why there are no decisions", lambda: "No module has refused" in browser.text("#no-decisions"))
    browser.no_longer(script)


def tells_latency_by_buckets(browser, address):
    """As the server does of all calls, here of those between two answers: a sample stands for all of its kind."""
    browser.open(address)
    told = browser.driver.execute_async_script("""
        const done = arguments[0];
        import("./percentiles.js").then(({ percentilesBetween: between }) => done([
            between(null, {calls: 100, durations: [[0, 1, 0, 10], [1, 2, 0, 10]]}, [0.25, 0.5, 0.99]),
            between({calls: 100, durations: [[0, 1, 5, 10]]}, {calls: 105, durations: [[0, 1, 5, 10], [2, 3, 5, 0]]}, [0.5, 1]),
            between(null, {calls: 90, durations: [[0, 1, 0, 1], [1, 2, 10, 0]]}, [0.5, 0.99]),
            between(null, {calls: 1, longest_ms: 90000, durations: [[70000, null, 1, 0]]}, [1]),
            between(null, {calls: 5}, [0.5]).map(String), between({calls: 5, durations: []}, {calls: 5, durations: []}, [0.5]).map(String),
        ]), (failure) => done(String(failure)));""")
    expected = [[0.5, 1, 1.98], [2.5, 3], [0.5625, 1.91], [90000], ["NaN"], ["NaN"]]
    if json.loads(json.dumps(told), parse_float=lambda text: round(float(text), 6)) != expected:
        raise Failed("percentiles by buckets are %s and not %s" % (told, expected))


def a_long_time_costs_little_memory(browser, address, polls=1800, most=20_000_000):
    script = made_up(browser, modules=50, callbacks=3, texts=["one", "two", "three"], haste=True, silent=False)
    browser.look(1280, 900, "light")
    enter(browser, address)
    browser.run("document.querySelector('.module details').open = true")
    until("the first polls", lambda: browser.run("return window.madeUp.polls") >= 20)
    before, memory, first = browser.heap(), browser.memory(), browser.run("return window.madeUp.polls")
    until("%d polls" % polls, lambda: browser.run("return window.madeUp.polls") >= first + polls, patience=240)
    after = browser.heap()
    grown = browser.memory() - memory
    nodes = browser.run("return document.getElementsByTagName('*').length")
    browser.no_longer(script)
    browser.open("about:blank")
    print("    %d polls of 50 modules: %.1f MB of JavaScript's heap before, %.1f MB after; the process has %.1f MB more than %.1f MB; %d elements on the page"
          % (polls, before / 1e6, after / 1e6, grown / 1e6, memory / 1e6, nodes))
    if after - before > most:
        raise Failed("%d polls add %.1f MB" % (polls, (after - before) / 1e6))
