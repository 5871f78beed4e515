#include "api_caller.h"

#include <sstream>
#include <utility>

namespace api_caller {

namespace {

/// From `{name: value}`.
std::vector<std::pair<std::string, std::string>> pairs(const JsonDict& object) {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [name, value] : object) found.emplace_back(std::string(name), std::string(value.as_string()));
    return found;
}

/// The last argument of all: let this address pass the block list first.
void allow(const Call& call, std::size_t index) {
    if (call.has(index)) call.api.http_client().allow(call.text(index));
}

task<JsonValue> get_json(Call call) {
    allow(call, 3);
    co_return co_await call.api.http_client().get_json(call.text(0), pairs(call.object(1)), pairs(call.object(2)));
}

task<JsonValue> post_json_get_json(Call call) {
    allow(call, 3);
    co_return co_await call.api.http_client().post_json_get_json(call.text(0), call.object(1), pairs(call.object(2)));
}

task<JsonValue> post_urlencoded_get_json(Call call) {
    allow(call, 3);
    co_return co_await call.api.http_client().post_urlencoded_get_json(call.text(0), pairs(call.object(1)),
                                                                       pairs(call.object(2)));
}

task<JsonValue> put_json(Call call) {
    allow(call, 3);
    co_return co_await call.api.http_client().put_json(call.text(0), call.object(1), pairs(call.object(2)));
}

task<JsonValue> get_raw(Call call) {
    allow(call, 3);
    const std::string body =
        co_await call.api.http_client().get_raw(call.text(0), pairs(call.object(1)), pairs(call.object(2)));
    co_return JsonValue(body);
}

/// Gives the content, its length and where it came from.
task<JsonValue> get_file(Call call) {
    allow(call, 3);
    std::ostringstream content;
    std::optional<std::uint64_t> max_size;
    if (call.has(1)) max_size = static_cast<std::uint64_t>(call.args[1].as_int64());
    const modapi::HttpResponse file = co_await call.api.http_client().get_file(call.text(0), content, max_size);
    JsonArray found;
    found.emplace_back(content.str());
    found.emplace_back(file.length);
    found.emplace_back(file.url);
    co_return found;
}

/// Gives status and body.
task<JsonValue> request(Call call) {
    allow(call, 3);
    const modapi::HttpResponse answer = co_await call.api.http_client().request(call.text(0), call.text(1), call.text(2));
    JsonArray found;
    found.emplace_back(answer.status);
    found.emplace_back(answer.body);
    co_return found;
}

constexpr Method http_method_table[] = {
    {"http_client.get_json", &get_json},
    {"http_client.post_json_get_json", &post_json_get_json},
    {"http_client.post_urlencoded_get_json", &post_urlencoded_get_json},
    {"http_client.put_json", &put_json},
    {"http_client.get_raw", &get_raw},
    {"http_client.get_file", &get_file},
    {"http_client.request", &request},
};

}  // namespace

std::span<const Method> http_methods() { return http_method_table; }

}  // namespace api_caller
