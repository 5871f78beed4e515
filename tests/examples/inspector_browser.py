"""A real Chromium for tests of the inspector's page: what is on it, what it asked for, what its console says."""

import json
import pathlib
import re
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

DRIVER = "/usr/bin/chromedriver"
BROWSER = "/usr/bin/chromium"
PATIENCE = 20  # seconds, for what comes with the page's next poll


class Failed(Exception):
    pass


def until(what, condition, patience=PATIENCE):
    """What the condition gives once it is true."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed("not seen within %s s: %s" % (patience, what))
        time.sleep(0.05)


class Browser:
    def __init__(self, folder):
        self.folder = str(folder)
        options = Options()
        options.binary_location = BROWSER
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                         "--enable-precise-memory-info", "--js-flags=--expose-gc", "--user-data-dir=%s/chromium" % folder):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.requests = []  # (address, what came of it, bytes that came)
        self.complaints = []
        self.command("Network.enable")
        self.command("Page.enable")
        self.open("about:blank")
        self.take_logs()
        self.requests.clear()  # those of the browser's own first page
        self.complaints.clear()

    def close(self):
        self.driver.quit()

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def look(self, width, height, scheme, mobile=False):
        """The size of the window, and what the system's settings say of light and dark."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def before_each_page(self, script):
        """Has every page that is opened from now on begin with this."""
        return self.command("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]

    def no_longer(self, identifier):
        self.command("Page.removeScriptToEvaluateOnNewDocument", identifier=identifier)

    def open(self, address):
        self.driver.get(address)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector, patience=PATIENCE):
        return until(selector, lambda: next((each for each in self.all(selector) if each.is_displayed()), None), patience)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def click(self, selector):
        element = self.one(selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def write(self, selector, text):
        field = self.one(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys):
        """Keys for whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, selector, most=200):
        """Goes on by the keyboard alone until this has the focus."""
        for _ in range(most):
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.press(Keys.TAB)
        raise Failed("%d times Tab doesn't lead to %s" % (most, selector))

    def picture(self, file):
        self.driver.save_screenshot(str(file))

    # What it did meanwhile.

    def take_logs(self):
        by_id = {}
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message.get("params", {})
            if message["method"] == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith("chrome://"):
                by_id[parameters["requestId"]] = len(self.requests)
                self.requests.append([parameters["request"]["url"], parameters["request"]["method"], 0])
            elif message["method"] == "Network.loadingFinished" and parameters["requestId"] in by_id:
                self.requests[by_id[parameters["requestId"]]][2] = parameters["encodedDataLength"]
        self.complaints += ["%s %s" % (entry["level"], entry["message"]) for entry in self.driver.get_log("browser")
                            if entry["level"] not in ("INFO", "DEBUG")]

    def heap(self):
        """Bytes of JavaScript's heap that are reachable."""
        for _ in range(3):
            self.command("HeapProfiler.collectGarbage")
        return self.command("Runtime.getHeapUsage")["usedSize"]

    def memory(self):
        """Bytes of what shows pages: the processes' proportional parts of what they have in memory."""
        used = 0
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if b"--type=renderer" not in command or self.folder.encode() not in command:
                    continue
                used += 1024 * int(re.search(r"^Pss:\s+(\d+) kB", (process / "smaps_rollup").read_text(), re.M).group(1))
            except OSError:
                pass  # it has ended meanwhile
        return used

    def is_wider_than_window(self):
        return self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0
