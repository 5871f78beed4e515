"""Another homeserver, as far as one event needs it: it has an ed25519 key, which openssl signs with, and signs events and requests."""

import base64
import hashlib
import json
import subprocess

NAME = "peer.test"
KEY_ID = "ed25519:demo"
KEPT_BY_REDACTION = ("room_id", "type", "sender", "state_key", "depth", "prev_events", "auth_events", "origin_server_ts", "hashes")


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def redacted(event):
    """What the signature and the id of an event cover."""
    left = {key: event[key] for key in KEPT_BY_REDACTION if key in event}
    left["content"] = {key: value for key, value in event["content"].items() if key == "membership"}
    return left


def event_id(event):
    digest = hashlib.sha256(canonical(redacted(event))).digest()
    return "$" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


class SigningPeer:
    def __init__(self, folder):
        self.key_file, self.text_file = str(folder / "peer.pem"), str(folder / "peer.txt")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key_file], check=True, capture_output=True)
        public = subprocess.run(["openssl", "pkey", "-in", self.key_file, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
        self.configuration = "federation_verify_keys: {%s: {'%s': %s}}\n" % (NAME, KEY_ID, unpadded(public[-32:]))

    def sign(self, value):
        with open(self.text_file, "wb") as text:
            text.write(canonical(value))
        command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key_file, "-in", self.text_file]
        return unpadded(subprocess.run(command, check=True, capture_output=True).stdout)

    def message(self, room, body):
        """A signed message of this server's user into a room of room version 10."""
        return self.signed({"room_id": room, "type": "m.room.message", "content": {"msgtype": "m.text", "body": body}})

    def invite(self, room, user):
        """A signed invite of one of the server's users into a room of this one."""
        return self.signed({"room_id": room, "type": "m.room.member", "state_key": user, "content": {"membership": "invite"}})

    def signed(self, event):
        event = {**event, "sender": "@somebody:" + NAME, "depth": 1, "prev_events": [], "auth_events": [],
                 "origin_server_ts": 1700000000000}
        event["hashes"] = {"sha256": unpadded(hashlib.sha256(canonical(event)).digest())}
        event["signatures"] = {NAME: {KEY_ID: self.sign(redacted(event))}}
        return event

    def authorization(self, method, path, destination, content):
        covered = {"method": method, "uri": path, "origin": NAME, "destination": destination, "content": content}
        return 'X-Matrix origin="%s",destination="%s",key="%s",sig="%s"' % (NAME, destination, KEY_ID, self.sign(covered))
