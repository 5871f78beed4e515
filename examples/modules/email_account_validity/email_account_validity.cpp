#include "email_account_validity.h"

#include <modapi/duration.h>

#include <spdlog/logger.h>

#include <algorithm>
#include <exception>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

using account_validity::Expiration;
using account_validity::Notice;
using account_validity::RandomText;
using account_validity::RenewalToken;
using account_validity::TokenKind;
using async::task;

namespace {

/// So long that nobody means it, and short enough to count with.
std::chrono::milliseconds period_of_configuration(const modapi::ConfigSection& config, std::string_view key) {
    constexpr std::chrono::hours longest(std::int64_t{1000} * 365 * 24);
    const std::chrono::milliseconds period = modapi::required_duration(config, key);
    if (period > longest) config.fail(key, "must be at most 1000y");
    return period;
}

const modapi::ModuleApi& with_public_address(const modapi::ModuleApi& api) {
    if (api.public_baseurl().empty()) throw callbacks::ConfigError("needs the server's public_baseurl for the links in mails");
    return api;
}

}  // namespace

EmailAccountValidity::Config EmailAccountValidity::parse_config(const modapi::ConfigSection& config) {
    config.refuse_unknown_keys({"period", "renew_at", "renew_email_subject", "send_links"});
    Config parsed;
    parsed.period = period_of_configuration(config, "period");
    if (parsed.period.count() == 0) config.fail("period", "must be longer than nothing");
    parsed.renew_at = period_of_configuration(config, "renew_at");
    parsed.renew_email_subject = config.value_or<std::string>("renew_email_subject", "Renew your %(app)s account");
    parsed.send_links = config.value_or<bool>("send_links", true);
    return parsed;
}

EmailAccountValidity::EmailAccountValidity(Config config, modapi::ModuleApi& api)
    : EmailAccountValidity(std::move(config), api, &account_validity::unguessable_text) {}

EmailAccountValidity::EmailAccountValidity(Config config, modapi::ModuleApi& api, RandomText random_text)
    : config_(std::move(config)),
      api_(api),
      random_text_(std::move(random_text)),
      notices_(with_public_address(api), config_.renew_email_subject),
      table_(api) {
    api.register_account_validity_callbacks(
        {.is_user_expired = async::bind<&EmailAccountValidity::is_user_expired>(this),
         .on_user_registration = async::bind<&EmailAccountValidity::on_user_registration>(this)});
    register_web_resources();
    if (!api.should_run_background_tasks()) return;
    constexpr std::chrono::milliseconds between_looks = std::chrono::minutes(30);
    api.looping_background_call(async::bind<&EmailAccountValidity::send_due_notices>(this),
                                static_cast<double>(between_looks.count()));
}

/// On every worker: none may remember that an account has no end before it has one.
task<void> EmailAccountValidity::start() {
    co_await table_.create();
    constexpr int batch = 100;
    std::mt19937_64 spread(std::random_device{}());
    const std::int64_t end = end_of_new_period();
    const std::int64_t tenth = std::max<std::int64_t>(1, config_.period.count() / 10);
    // Spread, so that the mails to all of them don't go out at once.
    std::uniform_int_distribution<std::int64_t> in_last_tenth(end - tenth, end - 1);
    std::vector<std::string> users;
    do {
        const std::string last = users.empty() ? std::string() : users.back();
        users = co_await api_.get_local_users(last, batch);
        if (users.empty()) break;
        std::vector<Expiration> accounts;
        for (const std::string& user : users) accounts.push_back({user, in_last_tenth(spread)});
        const std::int64_t added = co_await table_.add_missing(std::move(accounts));
        if (added > 0) api_.logger().info("{} of {} accounts had no end, and got one", added, users.size());
    } while (users.size() == static_cast<std::size_t>(batch));
}

task<std::optional<bool>> EmailAccountValidity::is_user_expired(const std::string& user) {
    const std::optional<std::int64_t> expiration_ts = co_await table_.expiration_of(user);
    if (!expiration_ts) co_return std::nullopt;
    co_return api_.now_ms() >= *expiration_ts;
}

task<void> EmailAccountValidity::on_user_registration(const std::string& user) {
    Expiration account{user, end_of_new_period()};
    co_await table_.begin(std::move(account));
}

task<void> EmailAccountValidity::send_due_notices() {
    const std::int64_t until = api_.now_ms() + config_.renew_at.count();
    const std::vector<Expiration> accounts = co_await table_.due(until);
    for (const Expiration& account : accounts) {
        try {
            co_await send_notice(account);
        } catch (const std::exception& error) {
            api_.logger().error("no notice was sent to {}, who is told the next time: {}", account.user_id, error.what());
        }
    }
}

task<void> EmailAccountValidity::send_notice(Expiration account) {
    const std::vector<callbacks::ThirdPartyID> third_party_ids = co_await api_.get_threepids_for_user(account.user_id);
    std::vector<std::string> addresses;
    for (const callbacks::ThirdPartyID& id : third_party_ids) {
        if (id.medium == "email") addresses.push_back(id.address);
    }
    if (addresses.empty()) co_return;

    Notice notice;
    notice.display_name = co_await display_name_of(account.user_id);
    notice.expiration_ts = account.expiration_ts;
    notice.renewal_token = co_await new_token(account.user_id);
    if (config_.send_links) {
        notice.url = api_.public_baseurl() + "_synapse/client/email_account_validity/renew?token=" + notice.renewal_token;
    }
    co_await mail_to_any(std::move(addresses), std::move(notice));
    co_await table_.note_sent(std::move(account));
}

task<std::string> EmailAccountValidity::display_name_of(std::string user_id) {
    const std::string localpart(callbacks::UserID(user_id).localpart());
    try {
        const callbacks::ProfileInfo profile = co_await api_.get_profile_for_user(localpart);
        if (profile.display_name) co_return *profile.display_name;
    } catch (const std::exception& error) {
        api_.logger().warn("{} is called so in a mail, without the display name: {}", user_id, error.what());
    }
    co_return user_id;
}

task<std::string> EmailAccountValidity::new_token(std::string user_id) {
    constexpr int most_draws = 5;
    for (int draw = 0; draw < most_draws; ++draw) {
        RenewalToken token = draw_token(token_kind(), random_text_);
        const bool is_stored = co_await table_.store_token(user_id, token);
        if (is_stored) co_return std::move(token.text);
    }
    throw callbacks::SynapseError(500, "No renewal token could be generated that nobody else has");
}

/// An address that takes no mail doesn't have the owner's others mailed again and again.
task<void> EmailAccountValidity::mail_to_any(std::vector<std::string> addresses, Notice notice) {
    const std::string html = notices_.html_mail(notice);
    const std::string text = notices_.text_mail(notice);
    std::exception_ptr failure;
    std::size_t sent = 0;
    for (const std::string& address : addresses) {
        try {
            co_await api_.send_mail(address, notices_.subject(), html, text);
            ++sent;
        } catch (const std::exception& error) {
            api_.logger().warn("one of {} mails to a user wasn't sent: {}", addresses.size(), error.what());
            failure = std::current_exception();
        }
    }
    if (sent == 0) std::rethrow_exception(failure);
}

TokenKind EmailAccountValidity::token_kind() const noexcept { return config_.send_links ? TokenKind::link : TokenKind::typed; }
