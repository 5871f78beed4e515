#include <modapi/hosting/named_decision.h>

#include <callbacks/json.h>

#include <boost/json/parse.hpp>

#include <string>

namespace modapi {

namespace {

constexpr int first_error = 400;

std::string_view text_at(const callbacks::JsonDict& body, std::string_view key) {
    const callbacks::JsonValue* const value = body.if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace

void name_decision(Response& response, const TracedWork& work, Decisions& decisions) {
    if (response.status < first_error || work.denied_by().empty()) return;
    response.headers.emplace_back(decision_header, work.denied_by());
    boost::json::error_code error;
    const callbacks::JsonValue body = boost::json::parse(response.body, error);
    if (error || !body.is_object()) return;
    decisions.complete(work.denied_by(), text_at(body.get_object(), "errcode"), text_at(body.get_object(), "error"));
}

}  // namespace modapi
