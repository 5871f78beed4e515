"""The services outside of the homeserver that example modules ask: one censors messages, one knows departments, one wants no
advertisements, and hangs when it is asked about a tarpit."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LONGEST_HANG = 60  # seconds; whoever asks has given up by then
DEPARTMENTS = {"@alice:localhost": "engineering", "@bob:localhost": "sales"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/questions":
            self.answer(200, {"questions": self.server.questions})
        elif url.path == "/users":
            self.server.questions += 1
            user_id = parse_qs(url.query).get("user_id", [""])[0]
            self.answer(200, {"department": DEPARTMENTS.get(user_id, "unknown")})
        else:
            self.answer(404, {"error": "no such path"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if self.path.startswith("/antispam/"):
            self.judge(asked)
        else:
            self.censor(asked["content"])

    def judge(self, asked):
        if "tarpit" in asked["room_alias"]:
            time.sleep(LONGEST_HANG)
            self.close_connection = True
            return
        if "watches" in asked["room_alias"]:
            self.answer(403, {"errcode": "ORG_EXAMPLE_NO_ADVERTISEMENTS", "error": "No advertisements"})
        else:
            self.answer(200, {})

    def censor(self, content):
        if isinstance(content.get("body"), str):
            content["body"] = content["body"].replace("darn", "****")
        self.answer(200, content)

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def start():
    """Serves on a free port of 127.0.0.1 until the process ends; returns the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.questions = 0  # how often somebody asked for a department
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_address[1]
