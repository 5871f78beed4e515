#pragma once

#include "admin_server.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <string>
#include <vector>

namespace homeserver_test {

/// A server with a probe, an admin called root, and a module that calls the methods of its ModuleApi.
class ModuleApiServer : public ProbedAdminServer {
protected:
    explicit ModuleApiServer(const std::string& settings = {}, int workers = 1)
        : ProbedAdminServer("{name: a, unsigned: false}", "  - {module: api_caller.ApiCaller}\n" + settings, workers) {}

    /// `{"result": ...}`, or `{"error": ...}` of what the method threw. `arguments` is a JSON array.
    [[nodiscard]] boost::json::object call(const std::string& method, const std::string& arguments,
                                           const std::string& token = {}) const {
        const std::string body = R"({"call":")" + method + R"(","args":)" + arguments + "}";
        const Answer answer = server.request("POST", "/_synapse/client/api", body, token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.body;
    }
    /// What the method gave; fails the test if it threw.
    [[nodiscard]] boost::json::value result(const std::string& method, const std::string& arguments,
                                            const std::string& token = {}) const {
        const boost::json::object answer = call(method, arguments, token);
        const boost::json::value* const found = answer.if_contains("result");
        if (found != nullptr) return *found;
        ADD_FAILURE() << method << arguments << ": " << answer;
        return nullptr;
    }
    [[nodiscard]] std::string text(const std::string& method, const std::string& arguments) const {
        const boost::json::value found = result(method, arguments);
        return found.is_string() ? std::string(found.get_string()) : std::string();
    }
    /// The same as JSON text, to compare with.
    [[nodiscard]] std::string json(const std::string& method, const std::string& arguments) const {
        return boost::json::serialize(result(method, arguments));
    }
    [[nodiscard]] std::string password_login(const std::string& user) const {
        return R"({"type":"m.login.password","identifier":{"type":"m.id.user","user":")" + user +
               R"("},"password":"secret of )" + user + R"("})";
    }
};

/// One refusal: what is called with what, and what is thrown.
struct Refusal {
    std::string method;
    std::string arguments;
    std::string error;  ///< `STATUS ERRCODE TEXT` of a SynapseError; `TYPE` or `TYPE TEXT` of anything else

    friend std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
        return out << refusal.method << refusal.arguments;
    }
};

/// An `{"error": ...}` as Refusal has it.
inline std::string error_text(const boost::json::object& answer) {
    const boost::json::value* const error = answer.if_contains("error");
    if (error == nullptr) return "no error: " + boost::json::serialize(answer);
    const std::string type(error->at("type").as_string());
    const std::string what(error->at("what").as_string());
    if (type != "SynapseError") return type + " " + what;
    return std::to_string(error->at("status").as_int64()) + " " + std::string(error->at("errcode").as_string()) + " " + what;
}

}  // namespace homeserver_test
