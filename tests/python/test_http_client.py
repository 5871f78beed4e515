"""The HTTP client: seven forms, each an operation of the host's."""

import pytest
from bridge_host import Fails, Refused

HEADERS = "{'Authorization': ['Bearer t'], b'X-B': [b'1', b'2']}"
ON_WIRE = [["Authorization", "Bearer t"], ["X-B", "1"], ["X-B", "2"]]
RESPONSE = {"status": 404, "phrase": "Not Found", "headers": [["Content-Type", "text/plain"]], "body": {"$bytes": "Ym9keQ=="}}

FORMS = [
    (
        "get_json('u', {'q': ['a', b'b'], b'r': 1}, headers=%s)",
        {"uri": "u", "args": {"q": ["a", "b"], "r": 1}, "headers": ON_WIRE},
    ),
    (
        "post_json_get_json(b'u', {'a': (1, Codes.FORBIDDEN, UserID('a', 'x')), '$set': {2: 3}}, headers=%s)",
        {"uri": "u", "post_json": {"a": [1, "M_FORBIDDEN", "@a:x"], "$set": {"2": 3}}, "headers": ON_WIRE},
    ),
    ("put_json('u', {'a': 1}, headers=%s)", {"uri": "u", "json_body": {"a": 1}, "args": None, "headers": ON_WIRE}),
    ("post_urlencoded_get_json('u', {'a': 'b'}, headers=%s)", {"uri": "u", "args": {"a": "b"}, "headers": ON_WIRE}),
]


@pytest.mark.parametrize("expression, arguments", FORMS)
def test_forms_that_give_json(evaluate, shared, expression, arguments):
    member = "http_client." + expression.partition("(")[0]
    shared.operations[member] = lambda _: {"$json": {"$event": "no event of ours"}}
    assert evaluate("await api.http_client.%s" % (expression % HEADERS)) == {"$dict": [["$event", "no event of ours"]]}
    assert shared.asked[-1]["arguments"] == arguments


def test_bytes(evaluate, shared):
    shared.operations["http_client.get_raw"] = lambda _: {"$bytes": "/wA="}
    assert evaluate("(await api.http_client.get_raw('u')).hex()") == "ff00"
    assert shared.asked[-1]["arguments"] == {"uri": "u", "args": None, "headers": None}


def test_a_response_of_any_status_is_read_with_twisteds_function(evaluate, shared):
    shared.operations["http_client.request"] = lambda _: RESPONSE
    expression = """[(r := await api.http_client.request('DELETE', 'u', data=b'x', headers={'A': ['b']})).code, r.phrase.decode(),
        r.headers.getRawHeaders('content-type'), (await __import__('twisted.web.client').web.client.readBody(r)).decode(), r.length]"""
    assert evaluate(expression) == [404, "Not Found", ["text/plain"], "body", 4]
    assert shared.asked[-1]["arguments"] == {
        "method": "DELETE",
        "uri": "u",
        "data": {"$bytes": "eA=="},
        "headers": [["A", "b"]],
    }


def test_a_file(evaluate, shared):
    answer = {**RESPONSE, "status": 200, "url": "https://x/final"}
    shared.operations["http_client.get_file"] = lambda _: answer
    expression = "[(out := __import__('io').BytesIO()), list(await api.http_client.get_file('u', out, max_size=9)), out.getvalue().decode()][1:]"
    assert evaluate(expression) == [
        [4, {"$dict": [[{"$bytes": "Q29udGVudC1UeXBl"}, [{"$bytes": "dGV4dC9wbGFpbg=="}]]]}, "https://x/final", 200],
        "body",
    ]
    with pytest.raises(Refused) as refused:
        evaluate("await api.http_client.get_file('u', None, is_allowed_content_type=lambda kind: kind != 'text/plain')")
    assert refused.value.error["status"] == 502


def test_another_status_is_an_error_with_its_body(evaluate, shared):
    def fails(_):
        raise Fails(kind="http_response", status=403, message="Forbidden", headers={}, body="e30=")

    shared.operations["http_client.get_json"] = fails
    with pytest.raises(Refused) as refused:
        evaluate("await api.http_client.get_json('u')")
    assert (refused.value.error["kind"], refused.value.error["status"], refused.value.error["body"]) == (
        "http_response",
        403,
        "e30=",
    )
