#include "account_changes/new_user.h"

#include "accounts/accounts.h"
#include "http/requests.h"
#include "text/secrets.h"

#include <callbacks/errors.h>
#include <callbacks/spam_checker.h>

#include <utility>

namespace homeserver {

namespace {

using callbacks::RegistrationBehaviour;

async::task<bool> is_to_be_shadow_banned(callbacks::SpamCheckerDispatch& spam_checker, const NewUser& user) {
    const std::optional<std::string> no_provider;
    const RegistrationBehaviour behaviour =
        co_await spam_checker.check_registration_for_spam(user.email_threepid, user.localpart, user.request_info, no_provider);
    if (behaviour == RegistrationBehaviour::DENY) throw callbacks::SynapseError(429, "Rate limited");
    co_return behaviour == RegistrationBehaviour::SHADOW_BAN;
}

}  // namespace

async::task<std::string> UserCreation::create(NewUser user) {
    NewAccount account;
    account.shadow_banned = co_await is_to_be_shadow_banned(spam_checker_, user);
    if (user.localpart) co_await check_username(database_, server_name_, *user.localpart);
    const std::string localpart = user.localpart ? *user.localpart : random_text(12, "abcdefghijklmnopqrstuvwxyz");
    account.user_id = "@" + localpart + ":" + server_name_.text();
    account.password_hash = std::move(user.password_hash);
    account.display_name = user.display_name.value_or(localpart);
    if (account.display_name->empty()) account.display_name.reset();
    account.admin = user.admin;
    account.creation_ts = clock_.wall_time_ms();
    const std::string user_id = account.user_id;
    if (user.alongside) {
        account.alongside = [alongside = std::move(user.alongside), user_id](modapi::Transaction& transaction) {
            alongside(transaction, user_id);
        };
    }
    co_await create_account(database_, std::move(account));
    co_return user_id;
}

async::task<std::string> UserCreation::register_user(NewUser user) {
    const std::string user_id = co_await create(std::move(user));
    co_await account_validity_.on_user_registration(user_id);
    co_return user_id;
}

callbacks::RegistrationRequestInfo registration_request_info(const RoutedRequest& request) {
    callbacks::RegistrationRequestInfo info;
    info.emplace_back(user_agent_of(request).value_or(std::string()), client_address_of(request));
    return info;
}

}  // namespace homeserver
