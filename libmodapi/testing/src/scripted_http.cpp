#include <modapi/testing/scripted_http.h>

#include <modapi/web_resource.h>

#include <async/sleep.h>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>

namespace modapi::testing {

std::string ScriptedHttp::Request::header(const std::string& name) const {
    modapi::Request as_resources_see_it;
    as_resources_see_it.headers = headers;
    return as_resources_see_it.header(name).value_or(std::string());
}

void ScriptedHttp::answer(const std::string& method, const std::string& url, int status, std::string body) {
    Script& script = scripts_[{method, url}];
    script.behaviour = Behaviour::answers;
    script.status = status;
    script.body = std::move(body);
}

void ScriptedHttp::redirect(const std::string& method, const std::string& url, int status, std::string location) {
    answer(method, url, status, std::string());
    scripts_[{method, url}].location = std::move(location);
}

void ScriptedHttp::delay(const std::string& method, const std::string& url, async::clock::duration by) {
    scripts_[{method, url}].delay = by;
}

void ScriptedHttp::require_all_scripted() {
    if (unscripted_.empty()) return;
    const std::string first = unscripted_.front();
    unscripted_.clear();
    throw UnscriptedRequest(first);
}

void ScriptedHttp::refuse(const std::string& method, const std::string& url) {
    scripts_[{method, url}].behaviour = Behaviour::refuses;
}

void ScriptedHttp::stall(const std::string& method, const std::string& url) {
    scripts_[{method, url}].behaviour = Behaviour::stalls;
}

async::task<HttpResponse> ScriptedHttp::exchange(const std::string& method, const std::string& url, const HttpHeaders& headers,
                                                 const std::string& body) {
    Request kept;
    kept.method = method;
    kept.url = url;
    kept.headers = headers;
    kept.body = body;
    requests.push_back(std::move(kept));
    const auto found = scripts_.find({method, url});
    if (found == scripts_.end()) {
        unscripted_.push_back("no answer is scripted for " + method + " " + url);
        throw UnscriptedRequest(unscripted_.back());
    }
    const Script script = found->second;
    if (script.behaviour == Behaviour::refuses) throw boost::system::system_error(boost::asio::error::connection_refused);
    if (script.behaviour == Behaviour::stalls) co_await async::sleep_for(std::chrono::hours(24 * 365));
    if (script.delay > async::clock::duration(0)) co_await async::sleep_for(script.delay);
    HttpResponse answer;
    answer.status = script.status;
    if (!script.location.empty()) answer.headers.emplace_back("Location", script.location);
    answer.body = script.body;
    co_return answer;
}

}  // namespace modapi::testing
