#pragma once

#include "server_process.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace homeserver_test {

/// A server's configuration that has mails and codes written into a file.
inline constexpr const char* with_mail_sink = "email: {sink_path: mails.jsonl}\n";

/// What is in the file so far.
inline std::vector<boost::json::object> sent_mails(const std::filesystem::path& folder) {
    std::vector<boost::json::object> records;
    std::ifstream in(folder / "mails.jsonl");
    for (std::string line; std::getline(in, line);) records.push_back(boost::json::parse(line).as_object());
    return records;
}

/// The code that was sent last for a validation; empty if there is none.
inline std::string code_sent_for(const std::filesystem::path& folder, const std::string& sid) {
    std::string code;
    for (const boost::json::object& record : sent_mails(folder)) {
        const boost::json::value* const of = record.if_contains("sid");
        if (of != nullptr && of->as_string() == sid) code = record.at("token").as_string();
    }
    return code;
}

/// What was asked to be validated: its `requestToken` and where its code is said.
struct AddressToValidate {
    std::string request_token;  ///< `/account/3pid/email/requestToken`
    std::string body;           ///< without client_secret and send_attempt: `"email":"a@example.org"`
    std::string submit;         ///< `add_threepid/email`
};
inline AddressToValidate email_for_account(const std::string& address) {
    return {"/account/3pid/email/requestToken", R"("email":")" + address + "\"", "add_threepid/email"};
}
inline AddressToValidate email_for_registration(const std::string& address) {
    return {"/register/email/requestToken", R"("email":")" + address + "\"", "registration/email"};
}
inline AddressToValidate phone_for_account(const std::string& country, const std::string& number) {
    return {"/account/3pid/msisdn/requestToken", R"("country":")" + country + R"(","phone_number":")" + number + "\"",
            "add_threepid/msisdn"};
}
inline AddressToValidate phone_for_registration(const std::string& country, const std::string& number) {
    return {"/register/msisdn/requestToken", R"("country":")" + country + R"(","phone_number":")" + number + "\"",
            "registration/msisdn"};
}

inline Answer request_token(const ServerProcess& server, const AddressToValidate& address, int send_attempt = 1,
                            const std::string& secret = "s3cret") {
    return server.request(
        "POST", "/_matrix/client/v3" + address.request_token,
        R"({"client_secret":")" + secret + R"(","send_attempt":)" + std::to_string(send_attempt) + "," + address.body + "}");
}
inline Answer submit_code(const ServerProcess& server, const AddressToValidate& address, const std::string& sid,
                          const std::string& code, const std::string& secret = "s3cret") {
    return server.request("POST", "/_matrix/client/unstable/" + address.submit + "/submit_token",
                          R"({"sid":")" + sid + R"(","client_secret":")" + secret + R"(","token":")" + code + "\"}");
}
/// Has an address validated; gives the credentials that prove it: `{"sid":...,"client_secret":...}`.
inline std::string validated(const ServerProcess& server, const std::filesystem::path& folder,
                             const AddressToValidate& address) {
    const Answer asked = request_token(server, address);
    EXPECT_EQ(asked.status, 200) << asked.body;
    const std::string sid = asked.text("sid");
    const Answer said = submit_code(server, address, sid, code_sent_for(folder, sid));
    EXPECT_EQ(said.status, 200) << said.body;
    return R"({"sid":")" + sid + R"(","client_secret":"s3cret"})";
}

}  // namespace homeserver_test
