"""A small host for tests: starts the real process, speaks the protocol over a real socket pair, answers what modules ask for."""

import base64
import http.client
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
from typing import Any, Callable, Dict, List, Optional

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PYTHON_HOUSE = PROJECT / "libmodapi" / "python"
PACKAGES = pathlib.Path(__file__).resolve().parent / "packages"
INTERPRETER = "/usr/bin/python3"
PATIENCE = 15  # seconds, after which a test fails rather than waits
_LENGTH = struct.Struct(">I")

# The contract's callbacks: category, name, arguments, how many of them a module must take.
_DECLARED = """
account_data on_account_data_updated 4
account_validity is_user_expired 1
account_validity on_user_registration 1
account_validity on_user_login 3
unsigned_section add_field_to_unsigned 1
background_update_controller on_update 3
background_update_controller default_batch_size 2
background_update_controller min_batch_size 2
media_repository get_media_config_for_user 1
media_repository is_user_allowed_to_upload_media_of_size 2
media_repository get_media_upload_limits_for_user 1
media_repository on_media_upload_limit_exceeded 4
password_auth_provider auth_checkers 3
password_auth_provider check_3pid_auth 3
password_auth_provider on_logged_out 3
password_auth_provider get_username_for_registration 2
password_auth_provider get_displayname_for_registration 2
password_auth_provider is_3pid_allowed 3
presence_router get_users_for_states 1
presence_router get_interested_users 1
ratelimit get_ratelimit_override_for_user 2
spam_checker check_event_for_spam 1
spam_checker user_may_join_room 3
spam_checker user_may_invite 3
spam_checker user_may_send_3pid_invite 4
spam_checker user_may_create_room 2 1
spam_checker user_may_create_room_alias 2
spam_checker user_may_publish_room 2
spam_checker check_username_for_spam 2 1
spam_checker check_registration_for_spam 4
spam_checker check_media_file_for_spam 2
spam_checker should_drop_federated_event 1
spam_checker check_login_for_spam 5
spam_checker user_may_send_state_event 5
spam_checker federated_user_may_invite 1
third_party_rules check_event_allowed 2
third_party_rules on_create_room 3
third_party_rules check_threepid_can_be_invited 3
third_party_rules check_visibility_can_be_modified 3
third_party_rules on_new_event 2
third_party_rules check_can_shutdown_room 2
third_party_rules check_can_deactivate_user 2
third_party_rules on_profile_update 4
third_party_rules on_user_deactivation_status_changed 3
third_party_rules on_threepid_bind 3
third_party_rules on_add_user_third_party_identifier 3
third_party_rules on_remove_user_third_party_identifier 3
"""


def declared() -> List[Dict[str, Any]]:
    found = []
    for line in _DECLARED.split("\n"):
        if line:
            category, name, arguments, *least = line.split()
            found.append(
                {"category": category, "name": name, "arguments": int(arguments), "least": int((least or [arguments])[0])}
            )
    return found


class Refused(Exception):
    """An error in an answer of the process; `error` is as it was on the wire."""

    def __init__(self, error: Dict[str, Any]) -> None:
        super().__init__("%s: %s" % (error.get("kind"), error.get("text", error)))
        self.error = error


class Fails(Exception):
    """Raised by an operation in a test: the error that the process is answered."""

    def __init__(self, **error: Any) -> None:
        super().__init__(str(error))
        self.error = error


LATER = object()  # an operation gives this to be answered by the test, with answer()


class Host:
    """One process, and what it asks and says."""

    def __init__(self, path: Optional[List[str]] = None, greet: bool = True, **greeting: Any) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="modapi"))
        self.operations: Dict[str, Callable[[Dict[str, Any]], Any]] = {}
        self.asked: List[Dict[str, Any]] = []
        self.notices: List[Dict[str, Any]] = []
        self.answers: Dict[int, Dict[str, Any]] = {}
        self.state: Dict[int, List[Dict[str, Any]]] = {}
        self.questions: List[Dict[str, Any]] = []
        self.commits_that_collide = 0
        self._last = 0
        self._entries = 0
        self._serving: List[threading.Thread] = []
        self._received = b""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.directory / "host.sock"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        command = [INTERPRETER, "-I", "-B", str(PYTHON_HOUSE / "modapi_bridge"), str(theirs.fileno())]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self.greeting = {
            "server_name": "example.org",
            "public_baseurl": "https://example.org/",
            "email_app_name": "Example",
            "worker_name": None,
            "is_main": True,
            "runs_background_tasks": True,
            "templates": {"operator": None, "host": []},
            "path": [str(PACKAGES)] if path is None else path,
            "directory": str(self.directory),
            "callbacks": declared(),
            "log_level": "INFO",
            "frame_limit": 32 * 1024 * 1024,
            **greeting,
        }
        self.greeted = self.request("greet", **self.greeting) if greet else None

    # ------------------------------------------------------------------------------------------------------- messages

    def send(self, message: Dict[str, Any]) -> None:
        text = json.dumps(message).encode()
        self.socket.sendall(_LENGTH.pack(len(text)) + text)

    def post(self, do: str, **members: Any) -> int:
        """Sends a request; its id."""
        self._last += 1
        self.send({"id": self._last, "do": do, **members})
        return self._last

    def wait(self, number: int) -> Any:
        """The result of a request, when it is there; meanwhile operations are answered."""
        return self.message(number)["result"]

    def message(self, number: int) -> Dict[str, Any]:
        """The whole answer. Errors: Refused."""
        self.until(lambda: number in self.answers)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def request(self, do: str, **members: Any) -> Any:
        return self.wait(self.post(do, **members))

    def until(self, ready: Callable[[], Any]) -> Any:
        """Handles what arrives until something is so."""
        while not ready():
            self.handle(self.receive())
        return ready()

    def receive(self) -> Dict[str, Any]:
        while True:
            if len(self._received) >= 4:
                end = 4 + _LENGTH.unpack_from(self._received)[0]
                if len(self._received) >= end:
                    text, self._received = self._received[4:end], self._received[end:]
                    found = json.loads(text)
                    assert isinstance(found, dict)
                    return found
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the process is gone")
            self._received += data

    def handle(self, message: Dict[str, Any]) -> None:
        if "do" not in message:
            self.answers[message["id"]] = message
        elif message["do"] == "operation":
            self.asked.append(message)
            operation = self.operations.get(message["member"])
            try:
                if operation is None:
                    raise Fails(
                        kind="not_offered", text="this host does not offer %s" % message["member"], what=message["member"]
                    )
                value = operation(message["arguments"])
            except Fails as failure:
                self.send({"id": message["id"], "error": failure.error})
            else:
                if value is not LATER:
                    self.answer(message, value)
        else:
            self.notices.append(message)

    def answer(self, message: Dict[str, Any], value: Any) -> None:
        self.send({"id": message["id"], "result": value})

    # ------------------------------------------------------------------------------------------------------- modules

    def load(self, module: str, config: Any = None, interface: Optional[str] = None) -> "Loaded":
        self._entries += 1
        name = "modules[%d]" % (self._entries - 1)
        self.request("parse_config", entry=name, module=module, config=config, interface=interface)
        return Loaded(self, name, self.request("construct", entry=name))

    def logged(self, text: str) -> Dict[str, Any]:
        """The first log record with a text in it, when it is there."""

        def find() -> Optional[Dict[str, Any]]:
            return next((one for one in self.notices if one["do"] == "log" and text in one["text"]), None)

        found = self.until(find)
        assert isinstance(found, dict)
        return found

    def web(self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None) -> "Page":
        """A request to a web resource, forwarded as a host does; what the resource asks for meanwhile is answered."""
        result: List[Any] = []

        def ask() -> None:
            connection = http.client.HTTPConnection("example.org")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect(str(self.directory / "web.sock"))
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            result.append(Page(response.status, dict(response.getheaders()), response.read()))
            connection.close()
            self.wake()

        thread = threading.Thread(target=ask)
        thread.start()
        self.until(lambda: result)
        thread.join()
        page = result[0]
        assert isinstance(page, Page)
        return page

    def wake(self) -> None:
        """From another thread: has the process say something, so that until() looks again."""
        self.send({"id": 0, "do": "ping"})

    # ------------------------------------------------------------------------------------- questions that threads wait for

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            serving = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._serving.append(serving)
            serving.start()

    def _serve(self, connection: socket.socket) -> None:
        database = sqlite3.connect(str(self.directory / "database.sqlite"), isolation_level=None)
        stream = connection.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                break
            message = json.loads(stream.read(_LENGTH.unpack(head)[0]))
            self.questions.append(message)
            try:
                answer = {"result": self._answer(database, message)}
            except sqlite3.Error as error:
                answer = {"error": {"kind": "sql", "class": type(error).__name__, "text": str(error)}}
            except Fails as failure:
                answer = {"error": failure.error}
            text = json.dumps(answer).encode()
            connection.sendall(_LENGTH.pack(len(text)) + text)
        database.close()
        connection.close()

    def _answer(self, database: sqlite3.Connection, message: Dict[str, Any]) -> Any:
        do = message["do"]
        if do == "begin":
            database.execute("BEGIN IMMEDIATE")
            return {"engine": "sqlite"}
        if do == "execute":
            cursor = database.execute(message["sql"], [_from_wire(one) for one in message["parameters"]])
            rows = [[_to_wire(one) for one in row] for row in cursor.fetchall()]
            return {"columns": [one[0] for one in cursor.description or ()], "rows": rows, "rowcount": cursor.rowcount}
        if do == "execute_many":
            lists = [[_from_wire(one) for one in row] for row in message["parameters"]]
            cursor = database.executemany(message["sql"], lists)
            return {"columns": [], "rows": [], "rowcount": cursor.rowcount}
        if do == "commit":
            if self.commits_that_collide:
                self.commits_that_collide -= 1
                raise Fails(kind="sql", **{"class": "OperationalError"}, text="could not serialize access", retry=True)
            database.execute("COMMIT")
            return {}
        if do == "rollback":
            if database.in_transaction:
                database.execute("ROLLBACK")
            return {}
        if do == "state":
            events = self.state[message["of"]]
            return next((one for one in events if [one["event"]["type"], one["event"]["state_key"]] == message["key"]), None)
        assert do == "state_all"
        return self.state[message["of"]]

    def sql(self, statement: str, *parameters: Any) -> List[Any]:
        database = sqlite3.connect(str(self.directory / "database.sqlite"))
        with database:
            found = database.execute(statement, parameters).fetchall()
        database.close()
        return found

    # --------------------------------------------------------------------------------------------------------- the end

    def close(self) -> None:
        self.socket.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._listener.close()
            # A transaction that the process left open is rolled back, and the database removes its journal, by then.
            for one in self._serving:
                one.join(PATIENCE)
            shutil.rmtree(self.directory)


class Page:
    def __init__(self, status: int, headers: Dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.text = body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Loaded:
    """A module that was built, and its callbacks by their names."""

    def __init__(self, host: Host, entry: str, described: Dict[str, Any]) -> None:
        self.host = host
        self.entry = entry
        self.described = described
        self.names = [one["name"] for one in described["callbacks"]]

    def registered(self, name: str, key: Any = None) -> Dict[str, Any]:
        return next(one for one in self.described["callbacks"] if one["name"] == name and (key is None or one["key"] == key))

    def handle(self, name: str, key: Any = None) -> int:
        handle = self.registered(name, key)["handle"]
        assert isinstance(handle, int)
        return handle

    def post(self, name: str, *arguments: Any, key: Any = None, call: Any = None) -> int:
        members = {"entry": self.entry, "handle": self.handle(name, key), "arguments": list(arguments)}
        return self.host.post("call", call=call or "call of %s" % name, **members)

    def call(self, name: str, *arguments: Any, key: Any = None) -> Any:
        return self.host.wait(self.post(name, *arguments, key=key))

    def message(self, name: str, *arguments: Any) -> Dict[str, Any]:
        return self.host.message(self.post(name, *arguments))


def _from_wire(value: Any) -> Any:
    return base64.b64decode(value["$bytes"]) if isinstance(value, dict) else value


def _to_wire(value: Any) -> Any:
    return {"$bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def event(**parts: Any) -> Dict[str, Any]:
    """An event as a host sends it."""
    members = {name: parts.pop(name) for name in ("frozen", "internal", "room_version", "event_id") if name in parts}
    held = {"type": "m.room.message", "sender": "@alice:example.org", "room_id": "!room:example.org", "content": {}, **parts}
    held.setdefault("origin_server_ts", 1700000000000)
    return {"$event": {"event": held, "event_id": "$event", **members}}


def state(handle: int, *events: Dict[str, Any], known: Any = (), complete: bool = False) -> Dict[str, Any]:
    return {"$state": {"handle": handle, "known": list(known), "complete": complete}}
