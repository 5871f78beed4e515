"""What a newcomer does with a README: runs its commands, starts the server, asks it something."""
import json
import os
import re
import subprocess
import urllib.error
import urllib.request


def block_of(text, marker, language):
    """The first code block of that language behind a line of the text."""
    at = text.index(marker)
    found = re.compile(r"```" + language + r"\n(.*?)```", re.S).search(text, at)
    assert found, f"there is no {language} block after {marker!r}"
    return found.group(1)


def run(commands, folder, **variables):
    environment = dict(os.environ, **variables)
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
