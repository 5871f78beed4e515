"""Who uses the server meanwhile: writers, who repeat what isn't acknowledged, and readers, who follow by sync."""

import http.client
import json
import random
import threading
import time

CLIENT = "/_matrix/client/v3"
LONGEST_ANSWER = 8  # seconds, then the client asks again
SYNC_TIMEOUT = 3  # seconds
MOST_EVENTS = 1000  # of a room in one answer
FILTER = '{"presence":{"types":[]},"account_data":{"types":[]},"room":{"timeline":{"limit":%d},"state":{"lazy_load_members":true}}}'
GONE = (OSError, http.client.HTTPException, ValueError)  # no answer, or half of one


class Client:
    """One user's connection to each of `bases`, one of which is asked at a time, by chance."""

    def __init__(self, bases, token, chance):
        self.bases, self.token, self.chance = bases, token, chance
        self.connections = {}

    def request(self, method, path, body=None, timeout=LONGEST_ANSWER):
        """(status, JSON); raises one of GONE."""
        base = self.chance.choice(self.bases).removeprefix("http://")
        connection = self.connections.get(base)
        if connection is None:
            connection = self.connections[base] = http.client.HTTPConnection(base, timeout=LONGEST_ANSWER)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request(method, path, body and json.dumps(body), {"Authorization": "Bearer " + self.token})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except BaseException:
            connection.close()
            raise

    def close(self):
        for connection in self.connections.values():
            connection.close()


class Worker(threading.Thread):
    """Goes on until it is told to stop; what it finds wrong is in `complaints`."""

    def __init__(self, name, bases, token, seed):
        super().__init__(name=name, daemon=True)
        self.chance = random.Random(seed)
        self.client = Client(bases, token, self.chance)
        self.is_stopped, self.complaints = False, []
        self.waits = []  # (when it began to ask, when it was answered), by time.monotonic()
        self.repeated = 0

    def run(self):
        try:
            while not self.is_stopped:
                self.work()
        except Exception as failure:  # its last words
            self.complaints.append("%s ended: %r" % (self.name, failure))
        finally:
            self.client.close()

    def until_answered(self, method, path, body=None, timeout=LONGEST_ANSWER, longer=0.0):
        """Asks until somebody answers with 200; `longer` is what an answer may take by right. None: it was stopped."""
        began = time.monotonic()
        while True:
            try:
                status, answer = self.client.request(method, path, body, timeout)
                if status == 200:
                    self.waits.append((min(began + longer, time.monotonic()), time.monotonic()))
                    return answer
                if status < 500:
                    self.complaints.append("%s: %s %s: %d %s" % (self.name, method, path, status, answer))
                    return None
            except GONE:
                pass
            self.repeated += 1
            if self.is_stopped and method == "GET":
                return None
            time.sleep(0.1)


class Writer(Worker):
    """Sends messages into the rooms, each with a text of its own, which is its transaction id too."""

    def __init__(self, name, bases, token, seed, rooms, pause):
        super().__init__(name, bases, token, seed)
        self.rooms, self.pause = rooms, pause
        self.sent = 0
        self.acknowledged, self.checked = {}, set()  # text: (room, event id); texts
        self.acknowledged_at = {}  # event id: by time.monotonic(), of this round
        self.may_write, self.rests = threading.Event(), threading.Event()
        self.may_write.set()

    def work(self):
        if not self.may_write.is_set():
            self.rests.set()
            self.may_write.wait(1)
            return
        self.rests.clear()
        self.sent += 1
        text = "%s-%d" % (self.name, self.sent)
        room = self.chance.choice(self.rooms)
        event_id = self.send(room, text)
        if event_id is None:
            return
        self.acknowledged[text] = (room, event_id)
        self.acknowledged_at[event_id] = time.monotonic()
        if self.chance.random() < 0.1:  # as a client that didn't hear the answer
            again = self.send(room, text)
            if again is not None and again != event_id:
                self.complaints.append("%s: %s was acknowledged as %s, and then as %s" % (self.name, text, event_id, again))
        time.sleep(self.chance.uniform(0, 2 * self.pause))

    def send(self, room, text):
        path = "%s/rooms/%s/send/m.room.message/%s" % (CLIENT, room, text)
        answer = self.until_answered("PUT", path, {"msgtype": "m.text", "body": text})
        return answer and answer["event_id"]


class Reader(Worker):
    """Follows all rooms. `seen` has of each room the ids of its messages, as they came."""

    def __init__(self, name, bases, token, seed, rooms):
        super().__init__(name, bases, token, seed)
        self.seen = {room: [] for room in rooms}
        self.seen_at = {}  # as acknowledged_at
        self.since = None
        self.mutex = threading.Lock()

    def path(self):
        parameters = "?filter=" + FILTER_QUOTED
        return CLIENT + "/sync" + parameters + ("&since=%s&timeout=%d" % (self.since, SYNC_TIMEOUT * 1000) if self.since else "")

    def begin(self):
        self.since = self.until_answered("GET", self.path())["next_batch"]

    def work(self):
        answer = self.until_answered("GET", self.path(), timeout=SYNC_TIMEOUT + LONGEST_ANSWER, longer=SYNC_TIMEOUT)
        if answer is None:
            return
        with self.mutex:
            for room, told in answer.get("rooms", {}).get("join", {}).items():
                timeline = told.get("timeline", {"events": []})
                if timeline.get("limited"):
                    self.complaints.append("%s: the sync since %s leaves something out of %s" % (self.name, self.since, room))
                told = [event["event_id"] for event in timeline["events"] if event["type"] == "m.room.message"]
                self.seen[room] += told
                self.seen_at.update(dict.fromkeys(told, time.monotonic()))
            self.since = answer["next_batch"]

    def take_seen(self):
        """And when."""
        with self.mutex:
            taken, when = self.seen, self.seen_at
            self.seen, self.seen_at = {room: [] for room in taken}, {}
            return taken, when

    def count(self):
        with self.mutex:
            return sum(map(len, self.seen.values()))


FILTER_QUOTED = "".join("%%%02X" % ord(letter) if letter in '{}":,[]' else letter for letter in FILTER % MOST_EVENTS)
