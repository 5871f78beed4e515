#include "email_account_validity.h"

#include <callbacks/errors.h>

#include <memory>
#include <string_view>
#include <utility>

using account_validity::Expiration;
using account_validity::Renewal;
using account_validity::RenewalToken;
using async::task;
using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::JsonResponse;
using modapi::Request;
using modapi::Response;

namespace {

// What get_user_by_req takes.
constexpr bool no_guests = false;
constexpr bool also_expired = true;

/// None for a request without access token, or with one that is none.
task<std::optional<std::string>> optional_requester(modapi::ModuleApi& api, const Request& request) {
    constexpr int unauthenticated = 401;
    try {
        const Requester requester = co_await api.get_user_by_req(request, no_guests, also_expired);
        co_return requester.user.to_string();
    } catch (const SynapseError& error) {
        if (error.status() != unauthenticated) throw;
    }
    co_return std::nullopt;
}

const JsonValue* member(const JsonDict& body, std::string_view key) {
    const JsonValue* const value = body.if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

[[noreturn]] void refuse_member(std::string_view key, std::string_view wanted) {
    throw SynapseError(400, "'" + std::string(key) + "' must be " + std::string(wanted), Codes::INVALID_PARAM);
}

std::string user_member(const JsonDict& body) {
    const JsonValue* const value = member(body, "user_id");
    if (value == nullptr) throw SynapseError(400, "Missing key 'user_id'", Codes::MISSING_PARAM);
    if (!value->is_string()) refuse_member("user_id", "a string");
    return std::string(value->get_string());
}

std::int64_t time_member(const JsonDict& body, std::string_view key, std::int64_t otherwise) {
    const JsonValue* const value = member(body, key);
    if (value == nullptr) return otherwise;
    if (!value->is_int64()) refuse_member(key, "an integer, milliseconds since 1970");
    return value->get_int64();
}

bool flag_member(const JsonDict& body, std::string_view key, bool otherwise) {
    const JsonValue* const value = member(body, key);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) refuse_member(key, "true or false");
    return value->get_bool();
}

}  // namespace

class EmailAccountValidity::RenewResource final : public modapi::DirectServeHtmlResource {
public:
    explicit RenewResource(EmailAccountValidity& module) : module_(module) {}

protected:
    task<Response> async_render_GET(const Request& request) override {
        const std::string text = request.required_argument("token");
        const std::optional<std::string> requester = co_await optional_requester(module_.api_, request);
        Renewal renewal;
        if (const std::optional<RenewalToken> token = account_validity::parse_token(text)) {
            const std::int64_t now = module_.api_.now_ms();
            renewal = co_await module_.table_.renew(*token, requester, now, module_.end_of_new_period());
        }
        co_return page_of(renewal);
    }

private:
    [[nodiscard]] Response page_of(const Renewal& renewal) const {
        switch (renewal.outcome) {
            case Renewal::Outcome::renewed:
                return modapi::html_response(200, module_.notices_.renewed_page(renewal.expiration_ts));
            case Renewal::Outcome::used_before:
                return modapi::html_response(200, module_.notices_.renewed_before_page(renewal.expiration_ts));
            case Renewal::Outcome::no_such_token:
                break;
        }
        return modapi::html_response(400, module_.notices_.invalid_token_page());
    }

    EmailAccountValidity& module_;
};

class EmailAccountValidity::SendMailResource final : public modapi::DirectServeJsonResource {
public:
    explicit SendMailResource(EmailAccountValidity& module) : module_(module) {}

protected:
    task<JsonResponse> async_render_POST(const Request& request) override {
        const Requester requester = co_await module_.api_.get_user_by_req(request, no_guests, also_expired);
        const std::string user_id = requester.user.to_string();
        const std::optional<std::int64_t> expiration_ts = co_await module_.table_.expiration_of(user_id);
        if (!expiration_ts) throw SynapseError(400, "This account doesn't expire");
        Expiration account{user_id, *expiration_ts};
        co_await module_.send_notice(std::move(account));
        co_return JsonResponse(200, JsonDict());
    }

private:
    EmailAccountValidity& module_;
};

class EmailAccountValidity::AdminResource final : public modapi::DirectServeJsonResource {
public:
    explicit AdminResource(EmailAccountValidity& module) : module_(module) {}

protected:
    task<JsonResponse> async_render_POST(const Request& request) override {
        const Requester requester = co_await module_.api_.get_user_by_req(request);
        const bool is_admin = co_await module_.api_.is_user_admin(requester.user.to_string());
        if (!is_admin) throw callbacks::AuthError(403, "You are not a server admin");

        const JsonDict body = request.json_object();
        const std::int64_t expiration_ts = time_member(body, "expiration_ts", module_.end_of_new_period());
        const bool send_notice = flag_member(body, "enable_renewal_emails", true);
        const std::string named = user_member(body);
        const std::optional<std::string> user_id = co_await module_.api_.check_user_exists(named);
        if (!user_id) throw SynapseError(404, "There is no such user on this server", Codes::NOT_FOUND);

        Expiration account{*user_id, expiration_ts};
        const std::int64_t now = module_.api_.now_ms();
        co_await module_.table_.overrule(std::move(account), send_notice, module_.token_kind(), now);
        JsonDict answer;
        answer["expiration_ts"] = expiration_ts;
        co_return JsonResponse(200, std::move(answer));
    }

private:
    EmailAccountValidity& module_;
};

void EmailAccountValidity::register_web_resources() {
    const std::string path = "/_synapse/client/email_account_validity";
    api_.register_web_resource(path + "/renew", std::make_shared<RenewResource>(*this));
    api_.register_web_resource(path + "/send_mail", std::make_shared<SendMailResource>(*this));
    api_.register_web_resource(path + "/admin", std::make_shared<AdminResource>(*this));
}
