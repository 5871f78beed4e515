"""What a message costs that many are notified of: send into a room of 500 local members beside send into a room of one, by one
sender and by eight at once, on SQLite and on PostgreSQL."""

import sqlite3
import statistics
from contextlib import contextmanager

from server_load import run_wrk
from server_process import CLIENT, SERVER_NAME, MeasuredServer, Postgresql, Senders

MEMBERS = 500
SENDERS = 8
TURNS = 5
LARGEST_RATIO = 1.5  # of the time of a message into a room of one
DATABASES = ("sqlite3", "postgresql")
SQLITE = "\n  name: sqlite3\n  args: {database: homeserver.db}"  # as the settings of measured servers have it


def token_of(number):
    return "token-of-member-%d" % number


def accounts(count):
    """Statements that make as many accounts, each with a token: by requests each would cost a password's hash."""
    for number in range(count):
        user_id = "@member%d:%s" % (number, SERVER_NAME)
        yield "INSERT INTO users (user_id, admin, is_guest, deactivated, shadow_banned, creation_ts) VALUES ('%s', 0, 0, 0, 0, 1)" % user_id
        yield "INSERT INTO profiles (user_id, display_name) VALUES ('%s', 'Member Number %d')" % (user_id, number)
        yield "INSERT INTO devices (user_id, device_id, creation_ts) VALUES ('%s', 'DEVICE', 1)" % user_id
        yield "INSERT INTO access_tokens (token_id, token, user_id, device_id) VALUES (%d, '%s', '%s', 'DEVICE')" % (
            number + 1_000_000, token_of(number), user_id)


def prepared(build, folder, section, postgresql, count):
    """A server that has so many accounts, to be started."""
    server = MeasuredServer(build, folder)
    server.configuration.write_text(server.configuration.read_text().replace(SQLITE, section))
    server.start()  # makes the tables
    server.stop()
    if postgresql is not None:
        statements = list(accounts(count))
        for first in range(0, len(statements), 100):
            postgresql.query(";".join(statements[first:first + 100]))
        return server
    database = sqlite3.connect(server.folder / "homeserver.db")
    for statement in accounts(count):
        database.execute(statement)
    database.commit()
    database.close()
    return server


@contextmanager
def populated(build, folder, name, count):
    """A running server with so many accounts, on the database of that name; a PostgreSQL server of its own is in the folder too."""
    folder.mkdir()
    if name == "sqlite3":
        with prepared(build, folder / "server", SQLITE, None, count) as server:
            yield server
        return
    postgresql = Postgresql(folder)
    with postgresql as section, prepared(build, folder / "server", " " + section, postgresql, count) as server:
        server.postgresql = postgresql
        yield server


class Joining(Senders):
    def __init__(self, server, room, members):
        super().__init__(SENDERS)
        self.server, self.room, self.members = server, room, members

    def send(self, index):
        for number in range(1 + index, self.members, SENDERS):
            self.server.expect_ok("POST", CLIENT + "/join/" + self.room, {}, token_of(number))


def rooms_of(server, members):
    """A room of one and a room of so many."""
    rooms = []
    for size in (1, members):
        room = server.expect_ok("POST", CLIENT + "/createRoom", {"preset": "public_chat"}, token_of(0))["room_id"]
        with Joining(server, room, size):
            pass
        rooms.append(room)
    return rooms


def measure_one(build, folder, name, quick):
    """Prints the rows of one database; whether the limit holds."""
    members, seconds, turns = (20, 1, 1) if quick else (MEMBERS, 3, TURNS)
    fine = True
    with populated(build, folder, name, members) as server:
        rooms = rooms_of(server, members)
        for senders in (1, SENDERS):
            took = {room: [] for room in rooms}
            p99 = {room: [] for room in rooms}
            for turn in range(turns):
                for size, room in zip((1, members), rooms):
                    tokens = ",".join(token_of(number % size) for number in range(senders))
                    path = CLIENT + "/rooms/%s/send/m.room.message/" % room
                    result = run_wrk(server, senders, seconds, [tokens, "PUT", path, "%d-%d-%d" % (size, senders, turn)])
                    took[room].append(1000 * result["seconds"] / result["requests"])
                    p99[room].append(result["p99_ms"])
            alone, crowded = (statistics.median(took[room]) for room in rooms)
            fine = fine and crowded <= LARGEST_RATIO * alone
            print("| %s | %d | %.3f | %.3f | %.2f | %.2f | %.2f |" % (
                name, senders, alone, crowded, crowded / alone, *(statistics.median(p99[room]) for room in rooms)), flush=True)
    return fine


def measure(build, folder, quick):
    members = 20 if quick else MEMBERS
    print("| database | senders | ms each, room of 1 | room of %d | ratio | p99 ms, room of 1 | room of %d |" % (members, members))
    print("|---|---:|---:|---:|---:|---:|---:|")
    return all([measure_one(build, folder / ("crowd_" + name), name, quick) for name in DATABASES])
