#include "log_capture.h"

#include <modapi/bound_resource.h>
#include <modapi/web_resource.h>

#include <async/cancellation.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include <cmath>
#include <string>
#include <utility>

namespace {

using callbacks::Codes;
using callbacks::RegistrationError;
using callbacks::SynapseError;
using modapi::JsonResponse;
using modapi::Request;
using modapi::Response;

class Users final : public modapi::DirectServeJsonResource {
protected:
    async::task<JsonResponse> async_render_GET(const Request& request) override {
        const std::string user = request.required_argument("user");
        if (user == "teapot") throw SynapseError(418, "short and stout", "ORG_EXAMPLE_TEAPOT");
        if (user == "broken") throw std::runtime_error("a secret detail");
        if (user == "gone") throw async::operation_cancelled(async::cancel_reason::stopping);
        callbacks::JsonDict body;
        body["user"] = user;
        co_return JsonResponse(200, body);
    }
};

class Page final : public modapi::DirectServeHtmlResource {
protected:
    async::task<Response> async_render_GET(const Request& request) override {
        if (request.argument("fail")) throw SynapseError(403, "<no> & never");
        Response response;
        response.body = "<p>hello</p>";
        co_return response;
    }
};

Request request(std::string method, std::vector<std::pair<std::string, std::string>> query = {}) {
    Request made;
    made.method = std::move(method);
    made.path = "/x";
    made.query = std::move(query);
    return made;
}

std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return "missing";
}

template <class Resource>
Response handle(const Request& asked) {
    Resource resource;
    return async::sync_wait(resource.handle(asked));
}

TEST(WebResourcesTest, FindsTheLongestPathByWholeSegments) {
    modapi::WebResources resources;
    const auto outer = std::make_shared<Users>();
    const auto inner = std::make_shared<Users>();
    EXPECT_TRUE(resources.add("/_synapse/client/a", outer, "one.One"));
    EXPECT_TRUE(resources.add("/_synapse/client/a/b/", inner, "two.Two"));
    EXPECT_FALSE(resources.add("/_synapse/client/a/b", outer, "three.Three"));
    EXPECT_EQ(resources.find("/_synapse/client/a"), outer.get());
    EXPECT_EQ(resources.find("/_synapse/client/a/c/d"), outer.get());
    EXPECT_EQ(resources.find("/_synapse/client/a/b/c"), inner.get());
    EXPECT_EQ(resources.find("/_synapse/client/ab"), nullptr);
    EXPECT_EQ(resources.find("/"), nullptr);
    EXPECT_EQ(resources.owner("/_synapse/client/a/b"), "two.Two");
}

TEST(WebResourcesTest, RefusesPathsEqualToBelowAndAboveTheHostsOwn) {
    modapi::WebResources resources;
    for (const char* const path : {"/_matrix/client", "/_matrix/client/v3/x", "/_matrix/media", "/_matrix/key/v2",
                                   "/_matrix/federation", "/_matrix", "/", "/_synapse", "/_synapse/admin/v1"}) {
        EXPECT_THROW(static_cast<void>(resources.add(path, std::make_shared<Users>(), "m.M")), RegistrationError) << path;
    }
    EXPECT_TRUE(resources.add("/_matrix/clientele", std::make_shared<Users>(), "m.M"));
    EXPECT_TRUE(resources.add("/_matrix/other", std::make_shared<Users>(), "m.M"));
}

TEST(WebResourcesTest, RefusesPathsThatAreNoneAndLateOnes) {
    modapi::WebResources resources;
    for (const char* const path : {"", "x", "/a//b", "/a/../_matrix/client", "/a?b", "/a%2f", "/.", "/a/.."}) {
        EXPECT_THROW(static_cast<void>(resources.add(path, std::make_shared<Users>(), "m.M")), RegistrationError) << path;
    }
    EXPECT_THROW(static_cast<void>(resources.add("/a", nullptr, "m.M")), RegistrationError);
    resources.close();
    EXPECT_THROW(static_cast<void>(resources.add("/a", std::make_shared<Users>(), "m.M")), RegistrationError);
}

TEST(JsonResourceTest, AnswersWithJsonAndCorsHeaders) {
    const Response response = handle<Users>(request("GET", {{"user", "alice"}}));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, R"({"user":"alice"})");
    EXPECT_EQ(header(response, "Content-Type"), "application/json");
    EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "*");
}

TEST(JsonResourceTest, ServesHeadByGetAndOptionsByItself) {
    const Response head = handle<Users>(request("HEAD", {{"user", "alice"}}));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.body, R"({"user":"alice"})") << "the host leaves it out, and tells its length";
    const Response options = handle<Users>(request("OPTIONS"));
    EXPECT_EQ(options.status, 204);
    EXPECT_EQ(header(options, "Access-Control-Allow-Origin"), "*");
}

TEST(JsonResourceTest, RefusesAMethodWithoutAHandler) {
    for (const char* const method : {"POST", "PUT", "DELETE", "PATCH"}) {
        const Response response = handle<Users>(request(method));
        EXPECT_EQ(response.status, 405);
        EXPECT_EQ(response.body, R"({"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"})");
    }
}

TEST(JsonResourceTest, MapsExceptionsAsEveryEndpointDoes) {
    const LogCapture log;
    EXPECT_EQ(handle<Users>(request("GET")).body,
              R"({"errcode":"M_MISSING_PARAM","error":"Missing string query parameter user"})");
    EXPECT_EQ(handle<Users>(request("GET", {{"user", "teapot"}})).status, 418);
    const Response broken = handle<Users>(request("GET", {{"user", "broken"}}));
    EXPECT_EQ(broken.status, 500);
    EXPECT_EQ(broken.body, R"({"errcode":"M_UNKNOWN","error":"Internal server error"})");
    EXPECT_TRUE(log.contains("a secret detail"));
    EXPECT_THROW(handle<Users>(request("GET", {{"user", "gone"}})), async::operation_cancelled);
}

/// An answer that was nested `levels` deep around a value.
callbacks::JsonValue nested(int levels, callbacks::JsonValue inner) {
    for (int level = 0; level < levels; ++level) {
        callbacks::JsonArray outer;
        outer.push_back(std::move(inner));
        inner = std::move(outer);
    }
    return inner;
}

class Unreadable final : public modapi::DirectServeJsonResource {
protected:
    async::task<JsonResponse> async_render_GET(const Request& request) override {
        const std::string what = request.required_argument("what");
        if (what == "number") co_return JsonResponse(200, std::nan(""));
        if (what == "inner number") co_return JsonResponse(200, callbacks::JsonDict{{"a", {1, {{"b", -HUGE_VAL}}}}});
        co_return JsonResponse(200, nested(std::stoi(what), nullptr));
    }
};

TEST(JsonResourceTest, AnAnswerThatNobodyCouldReadIsAFailureOfTheResource) {
    const LogCapture log;
    for (const char* const what : {"number", "inner number", "111", "1000000"}) {
        const Response refused = handle<Unreadable>(request("GET", {{"what", what}}));
        EXPECT_EQ(refused.status, 500) << what;
        EXPECT_EQ(refused.body, R"({"errcode":"M_UNKNOWN","error":"Internal server error"})") << what;
    }
    EXPECT_TRUE(log.contains("the answer can't be sent: a number is infinite or none"));
    EXPECT_TRUE(log.contains("the answer can't be sent: it is nested too deeply"));
    EXPECT_EQ(handle<Unreadable>(request("GET", {{"what", "110"}})).status, 200);
}

/// What a module is to its bound functions: the object they are members of.
class Counter {
public:
    async::task<JsonResponse> add(const Request& request) {
        co_await async::sleep_for(std::chrono::milliseconds(0));
        count_ += std::stoi(request.body);
        callbacks::JsonDict body;
        body["count"] = count_;
        co_return JsonResponse(201, std::move(body));
    }
    JsonResponse show(const Request& request) {
        if (request.argument("broken")) throw std::runtime_error("a secret detail");
        if (request.argument("teapot")) throw SynapseError(418, "short and stout", "ORG_EXAMPLE_TEAPOT");
        return JsonResponse(200, count_);
    }

private:
    int count_ = 0;
};

Response handled_by(modapi::WebResource& resource, std::string method, std::string target, std::string body = {}) {
    Request made = Request::of(std::move(method), std::move(target));
    made.body = std::move(body);
    return async::sync_wait(resource.handle(made));
}

TEST(BoundResourceTest, ServesEachMethodByItsFunctionCoroutineOrNot) {
    Counter counter;
    const auto resource =
        modapi::json_resource({.GET = async::bind<&Counter::show>(&counter), .POST = async::bind<&Counter::add>(&counter)});
    const Response added = handled_by(*resource, "POST", "/x", "3");
    EXPECT_EQ(added.status, 201);
    EXPECT_EQ(added.body, R"({"count":3})");
    EXPECT_EQ(header(added, "Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(handled_by(*resource, "GET", "/x").body, "3");
    EXPECT_EQ(handled_by(*resource, "HEAD", "/x").body, "3");
    EXPECT_EQ(handled_by(*resource, "OPTIONS", "/x").status, 204);
}

TEST(BoundResourceTest, RefusesAMethodWithoutAFunctionAndMapsExceptionsAsTheClassDoes) {
    const LogCapture log;
    Counter counter;
    const auto resource = modapi::json_resource({.GET = async::bind<&Counter::show>(&counter)});
    for (const char* const method : {"POST", "PUT", "DELETE", "PATCH"}) {
        const Response refused = handled_by(*resource, method, "/x", "1");
        EXPECT_EQ(refused.status, 405);
        EXPECT_EQ(refused.body, R"({"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"})");
    }
    EXPECT_EQ(handled_by(*resource, "GET", "/x?teapot=1").status, 418);
    EXPECT_EQ(handled_by(*resource, "GET", "/x?broken=1").body, R"({"errcode":"M_UNKNOWN","error":"Internal server error"})");
    EXPECT_TRUE(log.contains("a secret detail"));
}

TEST(BoundResourceTest, KeepsALambdaWithItsCaptures) {
    auto kept = std::make_shared<std::string>("kept");
    const std::weak_ptr<std::string> watched = kept;
    auto resource = modapi::json_resource(
        {.DELETE = [kept = std::move(kept)](const Request&) { return JsonResponse(200, callbacks::JsonValue(*kept)); }});
    EXPECT_EQ(handled_by(*resource, "DELETE", "/x").body, R"("kept")");
    EXPECT_FALSE(watched.expired());
    resource.reset();
    EXPECT_TRUE(watched.expired());
}

TEST(BoundResourceTest, ServesPagesThatCannotBeFramed) {
    const auto resource = modapi::html_resource({.GET = [](const Request& asked) -> async::task<Response> {
        Response response;
        response.body = "<p>" + modapi::escaped_html(asked.required_argument("name")) + "</p>";
        co_return response;
    }});
    const Response page = handled_by(*resource, "GET", "/x?name=%3Ca%3E");
    EXPECT_EQ(page.body, "<p>&lt;a&gt;</p>");
    EXPECT_EQ(header(page, "X-Frame-Options"), "DENY");
    EXPECT_EQ(handled_by(*resource, "GET", "/x").status, 400);
    EXPECT_EQ(handled_by(*resource, "POST", "/x").status, 405);
}

TEST(BoundResourceTest, ServesSomething) {
    EXPECT_THROW(static_cast<void>(modapi::json_resource({})), RegistrationError);
    EXPECT_THROW(static_cast<void>(modapi::html_resource({})), RegistrationError);
}

TEST(HtmlResourceTest, CannotBeFramedAndEscapesErrors) {
    const Response page = handle<Page>(request("GET"));
    EXPECT_EQ(page.body, "<p>hello</p>");
    EXPECT_EQ(header(page, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(header(page, "X-Frame-Options"), "DENY");
    EXPECT_EQ(header(page, "Content-Security-Policy"), "frame-ancestors 'none';");
    const Response error = handle<Page>(request("GET", {{"fail", ""}}));
    EXPECT_EQ(error.status, 403);
    EXPECT_NE(error.body.find("&lt;no&gt; &amp; never"), std::string::npos);
    EXPECT_EQ(handle<Page>(request("POST")).status, 405);
}

TEST(HtmlResourceTest, MakesPagesThatCannotBeFramedOutsideOfAResourceToo) {
    const Response page = modapi::html_response(418, "<p>" + modapi::escaped_html(R"(a<b>&"c"'d')") + "</p>");
    EXPECT_EQ(page.status, 418);
    EXPECT_EQ(page.body, "<p>a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;</p>");
    EXPECT_EQ(header(page, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(header(page, "X-Frame-Options"), "DENY");
    EXPECT_EQ(header(page, "Content-Security-Policy"), "frame-ancestors 'none';");
}

TEST(RequestTest, RefusesABodyThatIsNoJsonObject) {
    const auto errcode = [](std::string body) -> std::string {
        Request made;
        made.body = std::move(body);
        try {
            static_cast<void>(made.json_object());
        } catch (const SynapseError& error) {
            EXPECT_EQ(error.status(), 400);
            return error.errcode() + " " + error.what();
        }
        return "fine";
    };
    EXPECT_EQ(errcode("{\"a\":1}"), "fine");
    EXPECT_EQ(errcode(""), "M_NOT_JSON Content not JSON.");
    EXPECT_EQ(errcode("{"), "M_NOT_JSON Content not JSON.");
    EXPECT_EQ(errcode(R"({"a":[{"b":-1e999}]})"), "M_BAD_JSON Content has a number beyond the range of a double.");
    EXPECT_EQ(errcode("[]"), "M_BAD_JSON Content must be a JSON object.");
    EXPECT_EQ(errcode("{\"a\":\"\xff\"}"), "M_NOT_JSON Content not JSON.");
    EXPECT_EQ(errcode("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}"), "M_NOT_JSON Content not JSON.");
}

TEST(RequestTest, FindsHeadersWhateverTheirCase) {
    Request made;
    made.headers.emplace_back("Content-Type", "text/plain");
    EXPECT_EQ(made.header("content-type"), "text/plain");
    EXPECT_EQ(made.header("accept"), std::nullopt);
}

}  // namespace
