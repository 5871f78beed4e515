#include "access/token_owners.h"

#include "text/secrets.h"

#include <tuple>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using modapi::Transaction;

constexpr std::size_t remembered_tokens = 10'000;
constexpr const char* shared_name = "homeserver.token_owners";

/// What transactions say the name of; it remembers nothing.
const async::cached_function& named_in_transactions() {
    struct Named {
        async::cached<bool(const std::string&)> function{"token_owners", [](const std::string&) { return false; }};
        Named() { function.share_as(shared_name); }
    };
    static const Named named;
    return named.function;
}

}  // namespace

std::optional<TokenOwner> find_token_owner(Transaction& transaction, const std::string& token) {
    auto row = transaction.query_one<std::int64_t, std::string, std::optional<std::string>, bool, bool, bool, bool>(
        "SELECT t.token_id, t.user_id, t.device_id, u.is_guest, u.shadow_banned, u.locked, u.suspended FROM access_tokens t "
        "JOIN users u ON u.user_id = t.user_id WHERE t.token = ? AND u.deactivated = 0",
        token);
    if (!row) return std::nullopt;
    TokenOwner owner;
    std::tie(owner.token_id, owner.user_id, owner.device_id, owner.is_guest, owner.shadow_banned, owner.locked,
             owner.suspended) = std::move(*row);
    return owner;
}

TokenOwners::TokenOwners(modapi::Database& database, modapi::InvalidationBus& bus, const boost::asio::any_io_executor& executor)
    : database_(database),
      owners_("token_owners", async::bind<&TokenOwners::read>(this), async::cache_options().max_entries(remembered_tokens)),
      caches_(bus, database, executor) {
    caches_.add(shared_name, owners_);
}

async::task<std::shared_ptr<const TokenOwner>> TokenOwners::of(std::string token) {
    std::string fingerprint = fingerprint_of(token);
    try {
        std::shared_ptr<const TokenOwner> owner = co_await owners_(fingerprint, token);
        co_return owner;
    } catch (const NotRemembered& found) {
        co_return found.owner;
    }
}

async::task<std::shared_ptr<const TokenOwner>> TokenOwners::read(std::string, std::string token) {
    std::optional<TokenOwner> owner = co_await database_.read("find_token", &find_token_owner, std::move(token));
    NotRemembered found;
    if (!owner) throw found;
    found.owner = std::make_shared<const TokenOwner>(std::move(*owner));
    if (found.owner->locked || found.owner->suspended) throw found;
    co_return std::move(found.owner);
}

void forget_token(Transaction& transaction, const std::string& token) {
    std::vector<std::string> key(1, fingerprint_of(token));
    transaction.invalidate_cache_by_text(named_in_transactions(), std::move(key));
}

void forget_tokens_of(Transaction& transaction, const std::string& user_id) {
    for (const auto& [token] : transaction.query<std::string>("SELECT token FROM access_tokens WHERE user_id = ?", user_id))
        forget_token(transaction, token);
}

}  // namespace homeserver
