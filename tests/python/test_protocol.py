"""Messages, and what happens around them."""

import json
import socket
import struct
import subprocess

import pytest
from bridge_host import INTERPRETER, LATER, PYTHON_HOUSE, Fails, Host, Refused, event


def test_the_greeting_is_answered_with_versions(host):
    assert host.greeted["python"].startswith("3.") and host.greeted["twisted"]
    assert host.request("ping") == {}


def test_an_unknown_request_is_an_error_and_nothing_more(shared):
    with pytest.raises(Refused) as refused:
        shared.request("sing")
    assert "sing is no request" in refused.value.error["text"]
    with pytest.raises(Refused) as refused:
        shared.request("construct", entry="modules[99]")
    assert "there is no entry modules[99]" in refused.value.error["text"]
    with pytest.raises(Refused):
        shared.request("call", entry="x", handle=-1, call="c", arguments=[])
    with pytest.raises(Refused):
        shared.request("call", entry="x", handle=[], call="c", arguments=[])
    assert shared.request("ping") == {}


def test_a_value_of_an_unknown_kind_is_an_error_of_the_call(shared):
    module = shared.load("always.Always")
    with pytest.raises(Refused) as refused:
        module.call("check_event_for_spam", {"$planet": 1})
    assert "$planet" in refused.value.error["text"]


@pytest.mark.parametrize("frame", [b"\xff\xff\xff\xff", b"\0\0\0\2no", b"\0\0\0\2[]", b"\0\0\0\2\xff\xff", b"\0\0\0\4{}{}"])
def test_what_is_no_frame_ends_the_process(frame):
    host = Host()
    host.socket.sendall(frame)
    assert host.process.wait(30) == 0
    host.close()


def test_the_process_ends_with_its_host():
    host = Host()
    host.socket.close()
    assert host.process.wait(30) == 0
    host.close()


def test_it_stops_when_it_is_told_to_although_a_thread_hangs(package):
    text = """
import threading
class Module:
    def __init__(self, config, api):
        threading.Thread(target=threading.Event().wait).start()
"""
    host = package("hanging", text)
    host.load("hanging.Module")
    assert host.request("stop") == {}
    assert host.process.wait(30) == 0


def test_a_frame_that_arrives_in_pieces(host):
    text = b'{"id": 77, "do": "ping"}'
    for byte in struct.pack(">I", len(text)) + text:
        host.socket.sendall(bytes([byte]))
    assert host.wait(77) == {}


def test_a_limit_of_the_greeting_counts_both_ways():
    host = Host(frame_limit=20000)
    module = host.load("probe.Probe", {})
    with pytest.raises(Refused) as refused:
        module.call("add_field_to_unsigned", event(content={"body": "'x' * 20000"}))
    assert "20000" in refused.value.error["text"]
    host.send({"id": 5, "do": "ping", "more": "x" * 20000})
    assert host.process.wait(30) == 0
    host.close()


def test_answers_larger_than_the_sockets_buffer(evaluate):
    assert evaluate("'x' * 3000000") == "x" * 3000000


def test_calls_interleave_and_each_operation_names_its_call(host):
    module = host.load("always.Always")
    host.operations["is_user_admin"] = lambda arguments: LATER
    first = module.post("user_may_join_room", "@first:x", "!r:x", True, call="first")
    second = module.post("user_may_join_room", "@second:x", "!r:x", True, call="second")
    host.until(lambda: len(host.asked) == 2)
    assert [(one["call"], one["entry"], one["arguments"]["user_id"]) for one in host.asked] == [
        ("first", module.entry, "@first:x"),
        ("second", module.entry, "@second:x"),
    ]
    assert module.call("user_may_invite", "a", "b", "c") == "NOT_SPAM"
    host.answer(host.asked[1], True)
    assert host.wait(second) == "NOT_SPAM"
    host.answer(host.asked[0], False)
    assert host.wait(first) == {"$code": "M_FORBIDDEN"}


def test_an_operation_may_call_the_same_module_again(host):
    module = host.load("always.Always")

    def asks_back(arguments):
        return module.call("user_may_invite", "@evil:x", "b", "c") == {"$code": "M_FORBIDDEN"}

    host.operations["is_user_admin"] = asks_back
    assert module.call("user_may_join_room", "@a:x", "!r:x", True) == "NOT_SPAM"


def test_what_runs_on_after_its_callback_still_names_it(host):
    text = "run_in_background(lambda: defer.ensureDeferred(api.is_user_admin('@a:x'))) and 'answered'"
    module = host.load("probe.Probe", {"spam_checker": {"user_may_invite": text}})
    asked = []
    host.operations["is_user_admin"] = lambda arguments: asked.append(1) or LATER
    assert host.wait(module.post("user_may_invite", "a", "b", "c", call="the call")) == "answered"
    host.until(lambda: asked)
    assert host.asked[-1]["call"] == "the call"


class TestCancelling:
    def test_a_cancelled_call_is_answered_as_that_and_gives_its_operation_up(self, host):
        module = host.load("always.Always")
        host.operations["is_user_admin"] = lambda arguments: LATER
        number = module.post("user_may_join_room", "@a:x", "!r:x", True)
        host.until(lambda: host.asked)
        host.send({"do": "cancel", "of": number})
        with pytest.raises(Refused) as refused:
            host.wait(number)
        assert refused.value.error == {"kind": "cancelled"}
        assert {"do": "cancel", "of": host.asked[0]["id"]} in host.notices
        host.answer(host.asked[0], True)  # too late, and no harm
        assert host.request("ping") == {}

    def test_a_callback_may_do_something_about_it(self, host):
        text = """
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
class Module:
    def __init__(self, config, api):
        self.api = api
        api.register_spam_checker_callbacks(user_may_invite=self.coroutine, user_may_join_room=self.older)
    async def coroutine(self, inviter, invitee, room):
        try:
            await Deferred()
        except CancelledError:
            return await self.api.is_user_admin("@cleaning:up")
    @inlineCallbacks
    def older(self, user, room, invited):
        try:
            yield Deferred()
        except CancelledError:
            return "older"
"""
        folder = host.directory / "path"
        folder.mkdir()
        (folder / "cancelled.py").write_text(text)
        other = Host(path=[str(folder)])
        other.operations["is_user_admin"] = lambda arguments: True
        module = other.load("cancelled.Module")
        for name, answer in (("user_may_invite", True), ("user_may_join_room", "older")):
            number = module.post(name, "a", "b", "c")
            other.send({"do": "cancel", "of": number})
            assert other.wait(number) == answer
        other.close()

    def test_a_call_that_is_answered_already(self, shared):
        shared.send({"do": "cancel", "of": 1})
        assert shared.request("ping") == {}


class TestErrorsOfTheHost:
    def caught(self, evaluate, shared, shows="type(e).__name__", **error):
        def fails(arguments):
            raise Fails(**error)

        shared.operations["check_username"] = fails
        code = "async def run(api):\n try:\n  await api.check_username('x')\n except Exception as e:\n  return %s" % shows
        return evaluate("await (exec(%r, globals()) or run(api))" % code)

    def test_a_synapse_error_is_of_its_class_with_all_its_parts(self, evaluate, shared):
        error = dict(
            kind="synapse",
            status=400,
            errcode="M_USER_IN_USE",
            error="taken",
            fields={"a": 1},
            headers={"X": "y"},
            **{"class": "AuthError"},
        )
        shows = "[type(e).__name__, e.code, e.errcode == Codes.USER_IN_USE, e.msg, e.additional_fields, e.headers, str(e)]"
        assert self.caught(evaluate, shared, shows, **error) == [
            "AuthError",
            400,
            True,
            "taken",
            {"a": 1},
            {"X": "y"},
            "400: taken",
        ]

    @pytest.mark.parametrize("name", ["InvalidClientTokenError", "MissingClientTokenError", "StoreError", "LimitExceededError"])
    def test_each_class(self, evaluate, shared, name):
        error = {"kind": "synapse", "class": name, "status": 401, "errcode": "M_X", "error": "x"}
        assert self.caught(evaluate, shared, **error) == name

    def test_a_limit_says_when_to_try_again(self, evaluate, shared):
        error = {"kind": "synapse", "class": "LimitExceededError", "status": 429, "errcode": "M_LIMIT_EXCEEDED", "error": "x"}
        shows = "[e.limiter_name, e.retry_after_ms]"
        assert self.caught(evaluate, shared, shows, **error) == ["", None]
        assert self.caught(evaluate, shared, shows, fields={"retry_after_ms": 5}, **error) == ["", 5]

    @pytest.mark.parametrize(
        "name", ["RuntimeError", "ValueError", "InvalidRuleException", "RuleNotFoundException", "ShadowBanError"]
    )
    def test_other_classes_by_their_names(self, evaluate, shared, name):
        assert self.caught(evaluate, shared, kind="exception", text="why", **{"class": name}) == name

    def test_a_class_that_nobody_knows(self, evaluate, shared):
        shows = "[isinstance(e, RuntimeError), str(e)]"
        error = {"kind": "exception", "class": "boost::bad", "text": "why"}
        assert self.caught(evaluate, shared, shows, **error) == [True, "boost::bad: why"]

    def test_no_class_of_pythons_that_would_end_something(self, evaluate, shared):
        assert self.caught(evaluate, shared, kind="exception", text="x", **{"class": "SystemExit"}) == "HostError"

    def test_a_response_of_another_server(self, evaluate, shared):
        error = {"kind": "http_response", "status": 418, "message": "teapot", "headers": {}, "body": "/wA="}
        assert self.caught(evaluate, shared, "[e.code, e.msg, e.response]", **error) == [418, "teapot", {"$bytes": "/wA="}]

    def test_what_the_host_doesnt_offer(self, evaluate, shared):
        error = {"kind": "not_offered", "text": "x", "what": "check_username"}
        shows = "[isinstance(e, AttributeError), str(e)]"
        assert self.caught(evaluate, shared, shows, **error) == [True, "check_username is not offered by this homeserver"]


class TestLog:
    def test_records_have_level_logger_call_and_traceback(self, host):
        text = "__import__('logging').getLogger('my.module').error('lost %s', 'it', exc_info=ValueError('why'))"
        module = host.load("probe.Probe", {"spam_checker": {"user_may_invite": text}})
        host.wait(module.post("user_may_invite", "a", "b", "c", call="the call"))
        record = host.logged("lost it")
        assert (record["level"], record["logger"], record["call"], record["entry"]) == (
            "ERROR",
            "my.module",
            "the call",
            module.entry,
        )
        assert "ValueError: why" in record["traceback"]

    def test_a_record_of_another_thread(self, evaluate, shared):
        evaluate("await api.defer_to_thread(__import__('logging').getLogger('x').warning, 'from a thread')")
        record = shared.logged("from a thread")
        assert record["call"] == "call of add_field_to_unsigned"

    def test_what_isnt_text_and_arguments_that_dont_fit(self, evaluate, shared):
        evaluate("__import__('logging').getLogger('x').warning('odd \\ud800')")
        assert shared.logged("odd")["text"] == "odd \\ud800"
        evaluate("__import__('logging').getLogger('x').warning('two %s %s', 1)")
        assert "its arguments don't fit" in shared.logged("two ")["text"]

    def test_the_level_of_the_greeting(self):
        host = Host(log_level="ERROR")
        module = host.load("probe.Probe", {})
        for level in ("warning", "error"):
            expression = "__import__('logging').getLogger('x').%s('of level %s')" % (level, level)
            module.call("add_field_to_unsigned", event(content={"body": expression}))
        host.logged("of level error")
        assert not any("of level warning" in one.get("text", "") for one in host.notices)
        host.close()

    def test_an_error_in_a_deferred_that_nobody_waits_for(self, evaluate, shared):
        evaluate("defer.fail(RuntimeError('unseen')).addErrback(lambda f: f) and None")
        evaluate("__import__('gc').collect() and None")
        shared.until(lambda: any("RuntimeError: unseen" in str(one.get("traceback")) for one in shared.notices))


def test_handles_of_response_callbacks_live_until_they_are_used_or_released(host):
    text = """
class Module:
    def __init__(self, config, api):
        api.register_password_auth_provider_callbacks(auth_checkers={("m.login.x", ("f",)): self.check})
    async def check(self, user, login_type, login):
        async def respond(response):
            response["extra"] = [login["f"]]
            return "ignored"
        return "@alice:example.org", respond
"""
    folder = host.directory / "path"
    folder.mkdir()
    (folder / "responding.py").write_text(text)
    other = Host(path=[str(folder)])
    module = other.load("responding.Module")
    key = ["m.login.x", ["f"]]
    answer = module.call("auth_checkers", "alice", "m.login.x", {"f": "secret"}, key=key)
    user, handle = answer["$tuple"][0], answer["$tuple"][1]["$handle"]
    assert user == "@alice:example.org"
    changed = other.request("respond", entry=module.entry, handle=handle, call="c", response={"user_id": user})
    assert changed == {"user_id": user, "extra": ["secret"]}
    with pytest.raises(Refused):
        other.request("respond", entry=module.entry, handle=handle, call="c", response={})
    released = module.call("auth_checkers", "alice", "m.login.x", {"f": ""}, key=key)["$tuple"][1]["$handle"]
    assert other.request("release", handle=released) == {}
    assert other.request("release", handle=released) == {}
    with pytest.raises(Refused):
        other.request("respond", entry=module.entry, handle=released, call="c", response={})
    other.close()


def test_a_context_manager_is_entered_and_left_by_two_calls(package):
    text = """
from contextlib import asynccontextmanager
class Module:
    def __init__(self, config, api):
        self.api = api
        api.register_background_update_controller_callbacks(
            on_update=self.on_update, default_batch_size=self.size, min_batch_size=self.size)
    async def size(self, update_name, database_name):
        return 10
    @asynccontextmanager
    async def manager(self, name):
        try:
            yield 100 if await self.api.is_user_admin(name) else 1
        except RuntimeError as error:
            if str(error) != "swallowed":
                raise
    def on_update(self, update_name, database_name, one_shot):
        return self.manager(update_name)
"""
    host = package("controlling", text)
    host.operations["is_user_admin"] = lambda arguments: True
    module = host.load("controlling.Module")
    assert module.call("default_batch_size", "update", "main") == 10
    error = {"kind": "exception", "class": "RuntimeError", "text": "swallowed"}
    for given, answer in ((None, False), (error, True)):
        handle = module.call("on_update", "update", "main", False)["$handle"]
        assert host.request("enter", entry=module.entry, handle=handle, call="c") == 100
        assert host.request("exit", entry=module.entry, handle=handle, call="c", error=given) is answer
    handle = module.call("on_update", "update", "main", False)["$handle"]
    host.request("enter", entry=module.entry, handle=handle, call="c")
    assert host.request("exit", entry=module.entry, handle=handle, call="c", error={**error, "text": "goes on"}) is False


def test_the_process_is_not_reached_through_what_its_children_inherit(evaluate):
    command = "__import__('subprocess').run(['ls', '-l', '/proc/self/fd'], capture_output=True, text=True).stdout"
    assert "socket" not in evaluate(command)


def test_a_module_that_dies_leaves_an_end_of_file(package):
    host = package("dying", "import os\nclass Module:\n    def __init__(self, config, api):\n        os._exit(3)\n")
    with pytest.raises((EOFError, ConnectionResetError)):
        host.load("dying.Module")
    assert host.process.wait(30) == 3


def test_an_interpreter_that_lacks_twisted_says_what_to_install():
    ours, theirs = socket.socketpair()
    # Python without Debian's packages, which Twisted is one of.
    command = [INTERPRETER, "-I", "-S", "-B", str(PYTHON_HOUSE / "modapi_bridge"), str(theirs.fileno())]
    assert subprocess.run(command, pass_fds=[theirs.fileno()]).returncode == 1
    theirs.close()
    frame = ours.recv(1000)
    ours.close()
    message = json.loads(frame[4:])
    assert message["do"] == "unfit"
    assert message["text"].endswith("python3 has no twisted; Debian has it as python3-twisted")


def test_the_deepest_that_may_be_sent(evaluate, shared):
    content = inner = {}
    for _ in range(185):
        inner["a"] = inner = {}
    module = shared.load("probe.Probe", {"spam_checker": {"check_event_for_spam": "event.content"}})
    assert module.call("check_event_for_spam", event(content=content, frozen=True)) == content
    with pytest.raises(Refused) as refused:
        evaluate("__import__('functools').reduce(lambda inner, _: {'a': inner}, range(300), 1)")
    assert "nested deeper than 190 levels" in refused.value.error["text"]
