#include "account_changes/new_user.h"

#include "accounts/accounts.h"
#include "http/requests.h"
#include "text/secrets.h"

#include <callbacks/errors.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::RegistrationBehaviour;

async::task<bool> is_to_be_shadow_banned(ServerWorker& worker, const NewUser& user) {
    const std::optional<std::string> no_provider;
    const RegistrationBehaviour behaviour = co_await worker.hooks().spam_checker.check_registration_for_spam(
        user.email_threepid, user.localpart, user.request_info, no_provider);
    if (behaviour == RegistrationBehaviour::DENY) throw callbacks::SynapseError(429, "Rate limited");
    co_return behaviour == RegistrationBehaviour::SHADOW_BAN;
}

}  // namespace

async::task<std::string> create_user(ServerWorker& worker, NewUser user) {
    NewAccount account;
    account.shadow_banned = co_await is_to_be_shadow_banned(worker, user);
    if (user.localpart) co_await check_username(worker, *user.localpart);
    const std::string localpart = user.localpart ? *user.localpart : random_text(12, "abcdefghijklmnopqrstuvwxyz");
    account.user_id = "@" + localpart + ":" + worker.server_name();
    account.password_hash = std::move(user.password_hash);
    account.display_name = user.display_name.value_or(localpart);
    if (account.display_name->empty()) account.display_name.reset();
    account.admin = user.admin;
    account.creation_ts = worker.now_ms();
    const std::string user_id = account.user_id;
    co_await create_account(worker, std::move(account));
    co_return user_id;
}

async::task<std::string> register_user(ServerWorker& worker, NewUser user) {
    const std::string user_id = co_await create_user(worker, std::move(user));
    co_await worker.hooks().account_validity.on_user_registration(user_id);
    co_return user_id;
}

callbacks::RegistrationRequestInfo registration_request_info(const RoutedRequest& request) {
    callbacks::RegistrationRequestInfo info;
    info.emplace_back(user_agent_of(request).value_or(std::string()), client_address_of(request));
    return info;
}

}  // namespace homeserver
