#include <modapi/testing/scripted_http.h>

#include <async/sleep.h>

#include <boost/asio/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <stdexcept>

namespace modapi::testing {

std::string ScriptedHttp::Request::header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
        if (boost::beast::iequals(key, name)) return value;
    }
    return std::string();
}

void ScriptedHttp::answer(const std::string& method, const std::string& url, int status, std::string body) {
    Script& script = scripts_[{method, url}];
    script.behaviour = Behaviour::answers;
    script.status = status;
    script.body = std::move(body);
}

void ScriptedHttp::refuse(const std::string& method, const std::string& url) {
    scripts_[{method, url}].behaviour = Behaviour::refuses;
}

void ScriptedHttp::stall(const std::string& method, const std::string& url) {
    scripts_[{method, url}].behaviour = Behaviour::stalls;
}

async::task<HttpAnswer> ScriptedHttp::exchange(const std::string& url, const HttpRequest& request) {
    Request kept;
    kept.method = request.method;
    kept.url = url;
    kept.headers = request.headers;
    kept.body = request.body;
    requests.push_back(std::move(kept));
    const auto found = scripts_.find({request.method, url});
    if (found == scripts_.end()) {
        unscripted.push_back(request.method + " " + url);
        throw std::logic_error("no answer is scripted for " + unscripted.back());
    }
    const Script script = found->second;
    if (script.behaviour == Behaviour::refuses) throw boost::system::system_error(boost::asio::error::connection_refused);
    if (script.behaviour == Behaviour::stalls) co_await async::sleep_for(std::chrono::hours(24 * 365));
    HttpAnswer answer;
    answer.status = script.status;
    answer.body = script.body;
    co_return answer;
}

}  // namespace modapi::testing
