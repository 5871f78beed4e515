"""Web resources, through a real connection to the Site."""

import stat

import pytest
from bridge_host import Fails, Host, Refused


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "page.html").write_text("<p>a file</p>")
    host = Host()
    host.module = host.load("pages.Pages", {"files": str(folder), "late": True})
    host.operations["get_user_by_req"] = get_user_by_req
    host.operations["is_user_admin"] = lambda arguments: arguments["user_id"] == "@admin:x"
    yield host
    host.close()


def get_user_by_req(arguments):
    headers = dict((name.lower(), value) for name, value in arguments["request"]["headers"])
    if "authorization" not in headers:
        raise Fails(
            kind="synapse",
            status=401,
            errcode="M_MISSING_TOKEN",
            error="Missing access token",
            **{"class": "MissingClientTokenError"},
        )
    return {"$requester": {"user": "@alice:example.org"}}


def test_paths_are_told_to_the_host(pages):
    assert pages.module.described["web"] == [
        "/_synapse/client/pages",
        "/_synapse/client/pages/json",
        "/_synapse/client/plain",
    ]


def test_only_this_user_reaches_the_socket(pages):
    assert stat.S_IMODE((pages.directory / "web.sock").stat().st_mode) == 0o600


class TestJson:
    PATH = "/_synapse/client/pages/json"

    def test_whose_request_it_is(self, pages):
        page = pages.web("GET", self.PATH + "?name=x", headers={"Authorization": "Bearer token", "X-Modapi-Client": "1.2.3.4"})
        assert (page.status, page.json()) == (200, {"user": "@alice:example.org", "name": "x"})
        asked = pages.asked[-1]
        assert asked["entry"] == pages.module.entry
        assert asked["arguments"]["allow_expired"] is True and asked["arguments"]["allow_guest"] is False
        request = asked["arguments"]["request"]
        assert (request["method"], request["uri"], request["client"]) == ("GET", self.PATH + "?name=x", "1.2.3.4")
        assert ["Authorization", "Bearer token"] in request["headers"]
        assert not any(name.lower().startswith("x-modapi") for name, _ in request["headers"])

    def test_the_hosts_request_is_named_by_operations(self, pages):
        pages.web("GET", self.PATH, headers={"Authorization": "x", "X-Modapi-Call": "request 7"})
        assert pages.asked[-1]["call"] == "request 7"

    def test_an_error_of_the_host_becomes_the_answer(self, pages):
        page = pages.web("GET", self.PATH)
        assert (page.status, page.json()["errcode"]) == (401, "M_MISSING_TOKEN")

    def test_a_body(self, pages):
        page = pages.web("POST", self.PATH, '{"a": [1]}')
        assert (page.status, page.json()) == (201, {"got": {"a": [1]}, "ü": "ü"})
        assert page.headers["Content-Type"] == "application/json"
        assert page.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize(
        "body, errcode", [("no json", "M_NOT_JSON"), ("", "M_NOT_JSON"), ("[]", "M_BAD_JSON"), ("NaN", "M_NOT_JSON")]
    )
    def test_a_body_that_is_none(self, pages, body, errcode):
        page = pages.web("POST", self.PATH, body)
        assert (page.status, page.json()["errcode"]) == (400, errcode)

    def test_errors(self, pages):
        page = pages.web("POST", self.PATH, '{"wrong": 1}')
        assert (page.status, page.json()) == (418, {"errcode": "M_TEA", "error": "wrong", "more": 1})
        assert page.headers["Retry-After"] == "1"
        page = pages.web("POST", self.PATH, '{"broken": 1}')
        assert (page.status, page.json()) == (500, {"errcode": "M_UNKNOWN", "error": "Internal server error"})
        assert "secret" in pages.logged("Failed handle request")["traceback"]

    def test_other_methods(self, pages):
        page = pages.web("DELETE", self.PATH)
        assert (page.status, page.json()["errcode"]) == (405, "M_UNRECOGNIZED")
        assert pages.web("OPTIONS", self.PATH).status == 204
        page = pages.web("HEAD", self.PATH, headers={"Authorization": "x"})
        assert (page.status, page.body) == (200, b"") and int(page.headers["Content-Length"]) > 10

    def test_parameters(self, pages):
        page = pages.web("PUT", self.PATH + "?integer=-3&boolean=true&string=a&string=b")
        assert page.json() == {"integer": -3, "boolean": True, "strings": ["a", "b"]}
        for query, errcode in (
            ("", "M_MISSING_PARAM"),
            ("integer=x", "M_INVALID_PARAM"),
            ("integer=1&boolean=1", "M_INVALID_PARAM"),
            ("integer=1", "M_MISSING_PARAM"),
            ("integer=1&string=%FF", "M_INVALID_PARAM"),
        ):
            page = pages.web("PUT", self.PATH + "?" + query)
            assert (page.status, page.json()["errcode"]) == (400, errcode)


class TestHtml:
    PATH = "/_synapse/client/pages/html?kind="

    def test_a_page_cant_be_shown_within_another(self, pages):
        page = pages.web("GET", self.PATH + "page")
        assert (page.status, page.text) == (200, "<p>page</p>")
        assert page.headers["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]

    def test_a_handler_that_answers_by_itself(self, pages):
        page = pages.web("GET", self.PATH + "itself")
        assert (page.status, page.text) == (202, "<p>by itself</p>")

    def test_a_redirect(self, pages):
        page = pages.web("GET", self.PATH + "redirect")
        assert (page.status, page.headers["Location"], page.headers["Set-Cookie"]) == (
            302,
            "https://example.com/next",
            "name=value",
        )

    def test_an_error_is_a_page_with_its_text_escaped(self, pages):
        page = pages.web("GET", self.PATH + "error")
        assert page.status == 400 and "&lt;b&gt;bad&lt;/b&gt;" in page.text
        assert pages.web("GET", "/_synapse/client/pages/html").status == 400


class TestPlainResources:
    PATH = "/_synapse/client/plain"

    def test_what_twisteds_request_has(self, pages):
        headers = {"X-Test": "y", "Cookie": "c=d", "User-Agent": "agent", "X-Modapi-Client": "::1"}
        page = pages.web("GET", self.PATH + "/below/it?q=1&q=2", headers=headers)
        assert page.json() == {
            "args": {"q": ["1", "2"]},
            "header": "y",
            "cookie": "d",
            "uri": self.PATH + "/below/it?q=1&q=2",
            "method": "GET",
            "client": "::1",
            "agent": "agent",
            "postpath": ["below", "it"],
        }
        assert page.headers["Set-Cookie"] == "seen=yes"

    def test_not_done_yet_with_an_operation_in_between(self, pages):
        page = pages.web("POST", self.PATH, "@admin:x")
        assert (page.status, page.text) == (203, "admin @admin:x")
        assert pages.asked[-1]["entry"] == pages.module.entry

    def test_not_done_yet_and_later(self, pages):
        assert pages.web("PUT", self.PATH).json() == {"late": True}

    def test_files(self, pages):
        page = pages.web("GET", "/_synapse/client/pages/files/page.html")
        assert (page.status, page.text, page.headers["Content-Type"]) == (200, "<p>a file</p>", "text/html")
        assert pages.web("GET", "/_synapse/client/pages/files/../../../etc/passwd").status == 404


@pytest.mark.parametrize("path", ["/", "/_synapse", "/_synapse/client", "/elsewhere", "/_synapse/client/pages/json/below"])
def test_what_nobody_registered(pages, path):
    page = pages.web("GET", path)
    assert (page.status, page.json()["errcode"]) == (404, "M_UNRECOGNIZED")


def test_two_entries_have_one_path_while_one_takes_the_others_place_and_the_host_says_whose_a_request_is(pages):
    again = pages.load("pages.Pages", {"files": "/"})
    assert again.described["web"] == pages.module.described["web"]
    for module in (again, pages.module):
        pages.web("GET", TestJson.PATH, headers={"Authorization": "x", "X-Modapi-Entry": module.entry})
        assert pages.asked[-1]["entry"] == module.entry
    pages.web("GET", TestJson.PATH, headers={"Authorization": "x"})
    assert pages.asked[-1]["entry"] == pages.module.entry
    assert pages.request("forget", entry=again.entry) == {}
    assert pages.web("GET", TestJson.PATH, headers={"Authorization": "x", "X-Modapi-Entry": again.entry}).status == 404
    assert pages.web("GET", TestJson.PATH, headers={"Authorization": "x", "X-Modapi-Entry": pages.module.entry}).status == 200


def test_resources_are_registered_during_construction_only(pages):
    with pytest.raises(Refused) as refused:
        pages.module.call("on_account_data_updated", "@a:b", None, "t", {})
    assert refused.value.error["text"] == "Tried to register a web resource from a module after startup"
