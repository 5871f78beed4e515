#include "addresses/validation_requests.h"

#include "accounts/registration_settings.h"
#include "accounts/shared_time.h"
#include "addresses/login_identifier.h"
#include "addresses/phone_number.h"
#include "addresses/third_party_ids.h"
#include "addresses/validation_mail.h"
#include "http/public_baseurl.h"
#include "http/requests.h"
#include "mail/mailer.h"
#include "text/size_limits.h"

#include <async/clock.h>

#include <modapi/database.h>
#include <modapi/services/mail_services.h>

#include <callbacks/errors.h>
#include <callbacks/password_auth_provider.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;

/// A use of validations: what one of them says where.
struct Purpose {
    const char* medium;
    bool is_registration;
    const char* denied;          ///< what is_3pid_allowed's no becomes
    const char* not_offered;     ///< where nothing can be sent
    const char* submit_segment;  ///< of the path where the code is submitted
};
constexpr Purpose register_email = {"email", true, "Your email domain is not authorized to register on this server",
                                    "Email-based registration has been disabled on this server", "registration"};
constexpr Purpose register_phone = {"msisdn", true, "Phone numbers are not authorized to register on this server",
                                    "Registration by phone number is not supported on this homeserver", "registration"};
constexpr Purpose account_email = {"email", false, "Your email domain is not authorized on this server",
                                   "Adding emails have been disabled due to lack of an email config", "add_threepid"};
constexpr Purpose account_phone = {"msisdn", false, "Account phone numbers are not authorized on this server",
                                   "Adding phone numbers to user account is not supported by this homeserver", "add_threepid"};

std::string checked_secret(const JsonDict& body) {
    std::string secret = required_string_member(body, "client_secret");
    constexpr std::size_t max_length = 255;
    constexpr std::string_view known = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.=_-";
    if (secret.empty() || secret.size() > max_length || secret.find_first_not_of(known) != std::string::npos)
        throw SynapseError(400, "Invalid client_secret parameter", Codes::INVALID_PARAM);
    return secret;
}

std::int64_t send_attempt_of(const JsonDict& body) {
    const callbacks::JsonValue* const attempt = body.if_contains("send_attempt");
    if (attempt == nullptr) throw SynapseError(400, "Missing key 'send_attempt'", Codes::MISSING_PARAM);
    if (!attempt->is_int64() || attempt->get_int64() < 0)
        throw SynapseError(400, "'send_attempt' must be a number of attempts", Codes::INVALID_PARAM);
    return attempt->get_int64();
}

/// A page, and nothing that a browser would run.
std::optional<std::string> next_link_of(const JsonDict& body) {
    std::optional<std::string> link = optional_string_member(body, "next_link");
    if (!link) return link;
    constexpr std::size_t max_bytes = 2048;
    require_bytes("next_link", link->size(), max_bytes);
    const bool is_page = link->starts_with("https://") || link->starts_with("http://");
    const bool is_one_line = std::none_of(link->begin(), link->end(), [](unsigned char character) { return character <= ' '; });
    if (!is_page || !is_one_line)
        throw SynapseError(400, "'next_link' must be the address of a web page", Codes::INVALID_PARAM);
    return link;
}

ValidationRequest read_request(const Purpose& purpose, const JsonDict& body) {
    ValidationRequest request;
    request.medium = purpose.medium;
    request.is_registration = purpose.is_registration;
    request.client_secret = checked_secret(body);
    request.send_attempt = send_attempt_of(body);
    request.next_link = next_link_of(body);
    if (request.medium == "email") {
        request.address = canonical_email(required_string_member(body, "email"));
        if (!parse_mail_address(request.address)) throw SynapseError(400, "Unable to parse email address");
    } else {
        const std::string country = required_string_member(body, "country");
        request.address = canonical_phone(country, required_string_member(body, "phone_number"));
    }
    return request;
}

bool is_offered(Mailer& mailer, const Purpose& purpose) {
    return std::string_view(purpose.medium) == "email" ? mailer.can_send() : mailer.can_note();
}

/// Where a code is said back.
std::string submit_url(const PublicBaseurl& public_baseurl, const Purpose& purpose) {
    return public_baseurl.url + "_matrix/client/unstable/" + purpose.submit_segment + "/" + purpose.medium + "/submit_token";
}

async::task<void> send_code(const PublicBaseurl& public_baseurl, Mailer& mailer,
                            const std::optional<ValidationMail>& validation_mail, const Purpose& purpose,
                            const ValidationRequest& request, const Validation& validation) {
    JsonDict record;
    record["medium"] = request.medium;
    record["address"] = request.address;
    record["token"] = validation.token;
    record["sid"] = validation.sid;
    if (request.medium != "email") {
        co_await mailer.note(std::move(record));
        co_return;
    }
    const std::string link = submit_url(public_baseurl, purpose) + "?token=" + validation.token +
                             "&client_secret=" + request.client_secret + "&sid=" + validation.sid;
    const std::string wish = purpose.is_registration ? "to register an account with" : "to add to an account";
    const ValidationMail& mail = validation_mail.value();
    record["link"] = link;
    std::string html = mail.html(link, wish);
    std::string text = mail.text(link, wish);
    co_await mailer.send(request.address, mail.subject(), std::move(html), std::move(text), std::move(record));
}

/// Sent is what was handed over: a client whose code wasn't asks for the same attempt again.
async::task<void> send_and_note(modapi::Database& database, const PublicBaseurl& public_baseurl, Mailer& mailer,
                                const std::optional<ValidationMail>& validation_mail, const Purpose& purpose,
                                const ValidationRequest& request, const Validation& validation) {
    bool was_sent = true;
    try {
        co_await send_code(public_baseurl, mailer, validation_mail, purpose, request, validation);
    } catch (const modapi::MailError& error) {
        spdlog::warn("a validation code was not sent: {}", error.what());
        was_sent = false;
    }
    if (!was_sent) throw SynapseError(500, "An error was encountered when sending the code");
    co_await database.run("note_validation_sent", &note_sent, validation.sid, request.send_attempt);
}

async::task<Response> request_token(modapi::Database& database, const async::clock& clock, const PublicBaseurl& public_baseurl,
                                    callbacks::PasswordAuthProviderDispatch& password_auth_provider, Mailer& mailer,
                                    const std::optional<ValidationMail>& validation_mail, const RoutedRequest& received,
                                    const Purpose& purpose) {
    const JsonDict body = required_json_body(received);
    if (!is_offered(mailer, purpose)) throw SynapseError(400, purpose.not_offered);
    const ValidationRequest request = read_request(purpose, body);
    const bool allowed =
        co_await password_auth_provider.is_3pid_allowed(request.medium, request.address, purpose.is_registration);
    if (!allowed) throw SynapseError(403, purpose.denied, Codes::THREEPID_DENIED);
    co_await require_free(database, request.medium, request.address);
    const std::int64_t now = co_await shared_time_ms(database, clock);
    const Validation validation = co_await database.run("begin_validation", &begin_validation, request, now);
    if (validation.is_to_be_sent)
        co_await send_and_note(database, public_baseurl, mailer, validation_mail, purpose, request, validation);
    JsonDict answer;
    answer["sid"] = validation.sid;
    answer["submit_url"] = submit_url(public_baseurl, purpose);
    if (request.medium == "msisdn") {
        answer["msisdn"] = request.address;
        answer["intl_fmt"] = "+" + request.address;
    }
    co_return ok(std::move(answer));
}

template <const Purpose& purpose>
async::task<Response> request_token_for(const RoutedRequest& request, modapi::Database& database, const async::clock& clock,
                                        const PublicBaseurl& public_baseurl, const RegistrationSettings& registration_settings,
                                        callbacks::PasswordAuthProviderDispatch& password_auth_provider, Mailer& mailer,
                                        const std::optional<ValidationMail>& validation_mail) {
    if (purpose.is_registration) {
        if (!registration_settings.is_enabled) throw SynapseError(403, "Registration has been disabled", Codes::FORBIDDEN);
    }
    return request_token(database, clock, public_baseurl, password_auth_provider, mailer, validation_mail, request, purpose);
}

[[noreturn]] void refuse_code(CodeOutcome outcome) {
    if (outcome == CodeOutcome::UNKNOWN_SESSION) throw SynapseError(404, "No such validation session", Codes::NOT_FOUND);
    const char* reason = "This code is not the one that was sent";
    if (outcome == CodeOutcome::TOO_MANY_TRIES) reason = "Too many wrong codes: ask for another one";
    if (outcome == CodeOutcome::USED_ALREADY) reason = "This code was used already";
    if (outcome == CodeOutcome::EXPIRED) reason = "This code has expired: ask for another one";
    throw SynapseError(400, reason, Codes::THREEPID_AUTH_FAILED);
}

/// Errors: 404 `M_NOT_FOUND`, 400 `M_THREEPID_AUTH_FAILED`.
async::task<SubmittedCode> submit(modapi::Database& database, const async::clock& clock, const RoutedRequest& request,
                                  JsonDict said) {
    const std::string medium = request.path_parameters.at(0);
    const std::string sid = required_string_member(said, "sid");
    const std::string secret = required_string_member(said, "client_secret");
    const std::string token = required_string_member(said, "token");
    const std::int64_t now = co_await shared_time_ms(database, clock);
    SubmittedCode submitted = co_await database.run("submit_code", &submit_code, medium, sid, secret, token, now);
    if (submitted.outcome != CodeOutcome::VALIDATED) refuse_code(submitted.outcome);
    co_return submitted;
}

async::task<Response> post_submit_token(const RoutedRequest& request, modapi::Database& database, const async::clock& clock) {
    JsonDict said = required_json_body(request);
    static_cast<void>(co_await submit(database, clock, request, std::move(said)));
    JsonDict answer;
    answer["success"] = true;
    co_return ok(std::move(answer));
}

Response page(int status, const std::string& text) {
    return modapi::html_response(status, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + text +
                                             "</title></head><body><p>" + text + ".</p></body></html>");
}

/// What a browser is shown that opened a mail's link.
async::task<Response> get_submit_token(const RoutedRequest& request, modapi::Database& database, const async::clock& clock) {
    JsonDict said;
    for (const char* const key : {"sid", "client_secret", "token"}) said[key] = request.http.required_argument(key);
    std::optional<Response> refusal;
    SubmittedCode submitted;
    try {
        submitted = co_await submit(database, clock, request, std::move(said));
    } catch (const SynapseError& error) {
        refusal = page(error.status(), error.what());
    }
    if (refusal) co_return std::move(*refusal);
    if (!submitted.next_link) co_return page(200, "Your address has been validated: you may close this window");
    Response redirect;
    redirect.status = 302;
    redirect.headers.emplace_back("Location", *submitted.next_link);
    co_return redirect;
}

}  // namespace

async::task<ValidationProof> validation_proof(modapi::Database& database, const async::clock& clock, JsonDict credentials,
                                             bool is_registration) {
    ValidationProof proof;
    proof.sid = required_string_member(credentials, "sid");
    const std::string secret = checked_secret(credentials);
    const std::int64_t now = co_await shared_time_ms(database, clock);
    proof.address = co_await database.read("validated_address", &validated_address, proof.sid, secret, now,
                                         is_registration);
    co_return proof;
}

void add_validation_endpoints(Router& router) {
    add_client(router, "POST", "/register/email/requestToken", &request_token_for<register_email>);
    add_client(router, "POST", "/register/msisdn/requestToken", &request_token_for<register_phone>);
    add_client(router, "POST", "/account/3pid/email/requestToken", &request_token_for<account_email>);
    add_client(router, "POST", "/account/3pid/msisdn/requestToken", &request_token_for<account_phone>);
    for (const char* const use : {"registration", "add_threepid"}) {
        const std::string path = std::string("/_matrix/client/unstable/") + use + "/{medium}/submit_token";
        router.add("GET", path, &get_submit_token);
        router.add("POST", path, &post_submit_token);
    }
}

}  // namespace homeserver
