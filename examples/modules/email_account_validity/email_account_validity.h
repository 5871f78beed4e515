#pragma once

#include "notices.h"
#include "renewal_token.h"
#include "validity_table.h"

#include <modapi/module_api.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// Accounts expire unless their owners renew them, for which a mail goes out in time. A port of the published
/// email_account_validity: its operators' configuration and its table go on working.
///
///     GET  /_synapse/client/email_account_validity/renew?token=T     the link of the mail, or what a client does with a typed
///     T POST /_synapse/client/email_account_validity/send_mail         mails the requester, expired or not POST
///     /_synapse/client/email_account_validity/admin             {"user_id": "@alice:example.org"}, for server admins
///
/// Templates are mustache, and get the date of expiry as finished text: see Notices.
class EmailAccountValidity {
public:
    struct Config {
        std::chrono::milliseconds period{};    ///< how long an account is valid
        std::chrono::milliseconds renew_at{};  ///< how long before the end the mail goes out
        std::string renew_email_subject;
        bool send_links = true;  ///< else a short token to be typed
    };
    static Config parse_config(const modapi::ConfigSection& config);

    EmailAccountValidity(Config config, modapi::ModuleApi& api);
    /// With another source of tokens.
    EmailAccountValidity(Config config, modapi::ModuleApi& api, account_validity::RandomText random_text);

    /// Makes the table, and gives the accounts that were there before the module an end.
    async::task<void> start();

private:
    // In web_resources.cpp.
    class RenewResource;
    class SendMailResource;
    class AdminResource;
    void register_web_resources();

    async::task<std::optional<bool>> is_user_expired(const std::string& user);
    async::task<void> on_user_registration(const std::string& user);
    async::task<void> send_due_notices();

    /// Nothing happens for an account without e-mail address. Errors: SynapseError 500 without a token to be had; MailError if
    /// the mail server took the mail for none of the addresses.
    async::task<void> send_notice(account_validity::Expiration account);
    async::task<std::string> new_token(std::string user_id);
    async::task<std::string> display_name_of(std::string user_id);
    async::task<void> mail_to_any(std::vector<std::string> addresses, account_validity::Notice notice);

    [[nodiscard]] std::int64_t end_of_new_period() const { return api_.now_ms() + config_.period.count(); }
    [[nodiscard]] account_validity::TokenKind token_kind() const noexcept;

    Config config_;
    modapi::ModuleApi& api_;
    account_validity::RandomText random_text_;
    account_validity::Notices notices_;
    account_validity::ValidityTable table_;
};
