"""What callbacks answer, as the host is told."""

import pytest
from bridge_host import Refused, event


@pytest.mark.parametrize(
    "expression, on_wire",
    [
        ("NOT_SPAM", "NOT_SPAM"),
        ("True", True),
        ("None", None),
        ("1.5", 1.5),
        ("'a text'", "a text"),
        ("Codes.FORBIDDEN", {"$code": "M_FORBIDDEN"}),
        ("Codes.EXPIRED_ACCOUNT", {"$code": "ORG_MATRIX_EXPIRED_ACCOUNT"}),
        ("(Codes.FORBIDDEN, {'why': [1]})", {"$tuple": [{"$code": "M_FORBIDDEN"}, {"why": [1]}]}),
        ("(True, None)", {"$tuple": [True, None]}),
        ("['@a:b', None]", ["@a:b", None]),
        ("{'@a:b'}", {"$set": ["@a:b"]}),
        ("frozenset(['@a:b'])", {"$frozenset": ["@a:b"]}),
        ("PRESENCE_ALL_USERS", "ALL"),
        ("RegistrationBehaviour.SHADOW_BAN", {"$registration": "shadow_ban"}),
        ("UserID('alice', 'example.org')", "@alice:example.org"),
        ("b'bytes'", {"$bytes": "Ynl0ZXM="}),
        ("{1: 'one'}", {"$dict": [[1, "one"]]}),
        ("{'$event': 'no event'}", {"$dict": [["$event", "no event"]]}),
        ("{'$event': 1, 'more': (2, [(3,)])}", {"$event": 1, "more": [2, [[3]]]}),
        ("RatelimitOverride(0.0, 3)", {"$ratelimit": {"per_second": 0.0, "burst_count": 3}}),
        ("[MediaUploadLimit(1, 2)]", [{"$upload_limit": {"max_bytes": 1, "time_period_ms": 2}}]),
        ("object()", {"$none_of_these": "object"}),
        ("type('Text', (str,), {})('of a class')", "of a class"),
        ("type('Number', (int,), {})(7)", 7),
    ],
)
def test_an_answer_keeps_its_type(evaluate, expression, on_wire):
    assert evaluate(expression) == on_wire


def test_a_set_of_presence_states(evaluate):
    answer = evaluate("{'@a:b': {UserPresenceState('@c:d', 'online', 1, 2, 3, None, True)}}")
    assert answer["@a:b"]["$set"][0]["$presence"]["state"] == "online"


def test_an_event_goes_back_as_one(evaluate):
    assert evaluate("event")["$event"]["event"]["type"] == "m.room.message"


@pytest.mark.parametrize(
    "expression, text",
    [
        ("(lambda endless: endless.append(endless) or endless)([])", "contains itself"),
        ("2 ** 64", "beyond 64 bits"),
        ("float('nan')", "out of range"),
        ("'\\ud800'", "surrogate"),
        ("'x' * (33 * 1024 * 1024)", "33554432"),
    ],
)
def test_an_answer_that_cant_be_said_is_an_error_of_the_call(evaluate, expression, text):
    with pytest.raises(Refused) as refused:
        evaluate(expression)
    assert refused.value.error["class"] == "ValueError"
    assert text.lower() in refused.value.error["text"].lower()
    assert evaluate("'goes on'") == "goes on"


class TestErrors:
    def error(self, evaluate, expression):
        with pytest.raises(Refused) as refused:
            evaluate("(_ for _ in ()).throw(%s)" % expression)
        return refused.value.error

    def test_a_synapse_error_keeps_all_its_parts(self, evaluate):
        error = self.error(evaluate, "SynapseError(418, 'no coffee', Codes.TOO_LARGE, {'pot': 1}, {'X-Pot': 'tea'})")
        assert error == {
            "kind": "synapse",
            "class": "SynapseError",
            "status": 418,
            "errcode": "M_TOO_LARGE",
            "error": "no coffee",
            "fields": {"pot": 1},
            "headers": {"X-Pot": "tea"},
        }

    @pytest.mark.parametrize(
        "expression, status, errcode",
        [
            ("AuthError(403, 'no')", 403, "M_FORBIDDEN"),
            ("MissingClientTokenError()", 401, "M_MISSING_TOKEN"),
            ("InvalidClientTokenError()", 401, "M_UNKNOWN_TOKEN"),
            ("InvalidClientCredentialsError('no', Codes.UNKNOWN_TOKEN)", 401, "M_UNKNOWN_TOKEN"),
            ("LimitExceededError('limiter', retry_after_ms=5)", 429, "M_LIMIT_EXCEEDED"),
            ("LimitExceededError(429, 'slowly')", 429, "M_LIMIT_EXCEEDED"),
            ("NotFoundError()", 404, "M_NOT_FOUND"),
            ("StoreError(404, 'No row found')", 404, "M_UNKNOWN"),
            ("RequestTimedOutError('late')", 504, "M_UNKNOWN"),
            ("SynapseError(400, 'x', 'ORG_EXAMPLE')", 400, "ORG_EXAMPLE"),
            ('HttpResponseException(403, \'no\', b\'{"errcode": "M_OWN", "error": "e"}\').to_synapse_error()', 403, "M_OWN"),
        ],
    )
    def test_errors_of_the_contract_are_synapse_errors(self, evaluate, expression, status, errcode):
        error = self.error(evaluate, expression)
        assert (error["kind"], error["status"], error["errcode"]) == ("synapse", status, errcode)
        assert error["class"] == expression.partition("(")[0] or "to_synapse_error" in expression

    def test_a_redirect_says_where_to(self, evaluate):
        error = self.error(evaluate, "RedirectException(b'https://example.com/')")
        assert (error["kind"], error["status"], error["location"]) == ("redirect", 302, "https://example.com/")

    def test_a_response_of_another_server_keeps_its_body(self, evaluate):
        error = self.error(evaluate, "HttpResponseException(502, 'Bad Gateway', bytes([0xff, 0]))")
        assert (error["kind"], error["status"], error["body"]) == ("http_response", 502, "/wA=")

    def test_a_configuration_error_has_its_path(self, evaluate):
        error = self.error(evaluate, "errors.ConfigError('no room', ['rooms', 3])")
        assert error == {"kind": "config", "text": "no room", "path": ["rooms", "3"]}

    def test_any_other_exception_has_a_traceback_of_the_module_alone(self, evaluate):
        error = self.error(evaluate, "KeyError('gone')")
        assert (error["kind"], error["class"], error["text"]) == ("exception", "KeyError", "'gone'")
        assert "probe.py" in error["traceback"] and "modapi_bridge" not in error["traceback"]

    @pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "RecursionError", "MemoryError"])
    def test_nothing_that_is_raised_ends_the_process(self, evaluate, name):
        assert self.error(evaluate, "%s('bye')" % name)["class"] == name
        assert evaluate("1") == 1

    def test_an_exception_without_a_text_of_its_own(self, evaluate):
        error = self.error(evaluate, "type('Nasty', (Exception,), {'__str__': lambda self: 1 / 0})()")
        assert error["class"] == "Nasty" and "ZeroDivisionError" in error["text"]

    def test_sys_exit_in_a_coroutine(self, evaluate):
        with pytest.raises(Refused) as refused:
            evaluate("__import__('sys').exit(3)")
        assert refused.value.error["class"] == "SystemExit"

    def test_awaiting_what_isnt_twisteds_says_so(self, evaluate):
        with pytest.raises(Refused) as refused:
            evaluate("await __import__('asyncio').sleep(1)")
        assert "no running event loop" in refused.value.error["text"]


def test_events_of_a_batch_are_answered_one_by_one(shared):
    module = shared.load("probe.Probe", {})
    events = [[event(content={"body": text})] for text in ("1", "1 / 0", "await api.is_user_admin('@a:b')", "4")]
    shared.operations["is_user_admin"] = lambda arguments: True
    handle = module.handle("add_field_to_unsigned")
    answers = shared.request("batch", entry=module.entry, handle=handle, call="c", arguments=events)
    assert [one.get("result") for one in answers] == [1, None, True, 4]
    assert answers[1]["error"]["class"] == "ZeroDivisionError"
    assert shared.request("batch", entry=module.entry, handle=handle, call="c", arguments=[]) == []
