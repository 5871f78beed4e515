#pragma once

#include "room_test.h"

#include <callbacks/dispatchers.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdio>
#include <string>
#include <vector>

namespace homeserver_test {

/// Rules for those of a probe's callbacks that only notify, which can't be in shadow mode.
inline const std::string rules_of_what_notifies = [] {
    std::string rules;
    for (const callbacks::CallbackDescription& callback : callbacks::callback_descriptions()) {
        if (!callback.can_be_shadowed && callback.category != callbacks::BackgroundUpdateController::category_name)
            rules += "      " + std::string(callback.name) + ": {mode: enforce}\n";
    }
    return rules;
}();

/// `registration_shared_secret` of servers with an admin.
inline constexpr const char* admins_secret = "between us";

[[nodiscard]] inline std::string mac_of_registration(const std::string& text) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha1(), admins_secret, 10, reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes, &size);
    std::string mac;
    for (unsigned int at = 0; at < size; ++at) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", bytes[at]);
        mac += digits;
    }
    return mac;
}

/// Registers by the secret; `wrong` is added to what the request is signed by.
[[nodiscard]] inline Answer register_by_secret(const ServerProcess& server, const std::string& name, bool is_admin,
                                               const std::string& wrong = {}) {
    const std::string nonce = server.request("GET", "/_synapse/admin/v1/register").text("nonce");
    const std::string nul(1, '\0');
    boost::json::object body;
    body["nonce"] = nonce;
    body["username"] = name;
    body["password"] = "pw";
    body["admin"] = is_admin;
    body["mac"] = mac_of_registration(nonce + nul + name + nul + "pw" + nul + (is_admin ? "admin" : "notadmin") + wrong);
    return server.request("POST", "/_synapse/admin/v1/register", boost::json::serialize(body));
}

/// A server with an admin.
class AdminServer : public RoomTest {
protected:
    /// `settings` is more of the server's configuration.
    explicit AdminServer(const std::string& settings, int workers = 1)
        : RoomTest(std::string("registration_shared_secret: ") + admins_secret + "\n" + settings, workers),
          root(register_admin("root", true).text("access_token")) {}

    [[nodiscard]] Answer register_admin(const std::string& name, bool is_admin, const std::string& wrong = {}) const {
        return register_by_secret(server, name, is_admin, wrong);
    }
    [[nodiscard]] Answer admin(const std::string& method, const std::string& path, const std::string& body = {}) const {
        return server.request(method, "/_synapse/admin" + path, body, root);
    }
    std::string root;
};

/// The same with a probe named a.
class ProbedAdminServer : public AdminServer {
protected:
    /// `probe` is the probe's configuration, `settings` more of the server's.
    explicit ProbedAdminServer(const std::string& probe, const std::string& settings = {}, int workers = 1)
        : AdminServer("modules:\n  - {module: probe.Probe, config: " + probe + "}\n" + settings, workers) {}

    /// The callbacks that the probe has seen since it was last asked.
    [[nodiscard]] std::vector<std::string> asked() const {
        std::vector<std::string> callbacks;
        for (const boost::json::value& record : journal()) callbacks.emplace_back(record.at("callback").as_string());
        static_cast<void>(server.request("GET", "/_synapse/client/probe/a?clear=1"));
        return callbacks;
    }
    [[nodiscard]] boost::json::array journal() const {
        const Answer answer = server.request("GET", "/_synapse/client/probe/a");
        return answer.body.at("journal").as_array();
    }
};

}  // namespace homeserver_test
