"""What a newcomer does with a document: writes its files, runs its commands, starts the server, asks it something."""
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request


class Document:
    """A document's text and its code blocks; remembers which of them were used."""

    def __init__(self, path):
        self.name = path.name
        self.text = path.read_text()
        self.blocks = [(found.start(), found.group(1), found.group(2))
                       for found in re.finditer(r"^```(\w*)\n(.*?)^```$", self.text, re.S | re.M)]
        self.used = set()

    def block(self, marker, language):
        """The first block of that language after a line of the text."""
        assert marker in self.text, f"{self.name} doesn't say {marker!r}"
        begin = self.text.index(marker)
        for place, of_language, content in self.blocks:
            if place > begin and of_language == language:
                self.used.add(place)
                return content
        raise AssertionError(f"{self.name} has no {language} block after {marker!r}")

    def require_all_used(self):
        """Every block with a language is something a newcomer does."""
        unused = [content for place, language, content in self.blocks if language and place not in self.used]
        assert not unused, f"nobody tries this of {self.name}:\n" + "\n".join(unused)


def files_of(listing):
    """The files of a block that begin with a line `// NAME` each."""
    parts = re.split(r"^// ([\w.]+)\n", listing, flags=re.M)
    assert len(parts) > 1 and not parts[0], "the listing doesn't begin with a file's name"
    return {name: text.rstrip("\n") + "\n" for name, text in zip(parts[1::2], parts[2::2])}


def run(commands, folder, **variables):
    """As a newcomer who has a compiler cache, which makes a second run of the test a short one, and as many cores as there are."""
    environment = dict(os.environ, CMAKE_BUILD_PARALLEL_LEVEL=str(os.cpu_count()))
    if shutil.which("ccache"):
        environment.update(CMAKE_CXX_COMPILER_LAUNCHER="ccache", CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1")
    environment.update(variables)
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True)


def request(base, method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(base + path, data, headers, method=method), timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def start(program, configuration, folder):
    """The server, its address or none, and its complaint if it didn't start."""
    server = subprocess.Popen([str(program), "--config", configuration], cwd=folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    line = server.stdout.readline()
    if not line.startswith("listening on "):
        server.wait(timeout=30)
        return server, None, server.stderr.read()
    return server, "http://" + line.split()[-1], ""


def see_a_message_refused(base, allowed, refused):
    """Registers somebody, makes a room and sends two messages into it: the first is taken, the second is not."""
    status, alice = request(base, "POST", "/_matrix/client/v3/register",
                            {"username": "alice", "password": "correct horse", "auth": {"type": "m.login.dummy"}})
    assert status == 200, alice
    token = alice["access_token"]
    status, room = request(base, "POST", "/_matrix/client/v3/createRoom", {}, token)
    assert status == 200, room
    send = f"/_matrix/client/v3/rooms/{room['room_id']}/send/m.room.message/"
    status, answer = request(base, "PUT", send + "1", {"msgtype": "m.text", "body": allowed}, token)
    assert status == 200, answer
    status, answer = request(base, "PUT", send + "2", {"msgtype": "m.text", "body": refused}, token)
    assert status == 403 and answer["errcode"] == "M_FORBIDDEN", answer
