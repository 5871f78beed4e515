#pragma once

#include <modapi/database.h>
#include <modapi/hosting/invalidation_bus.h>
#include <modapi/hosting/module_caches.h>

#include <async/cached.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace homeserver {

/// Whose access token it is, and what the account may do.
struct TokenOwner {
    std::int64_t token_id = 0;
    std::string user_id;
    std::optional<std::string> device_id;
    bool is_guest = false;
    bool shadow_banned = false;
    bool locked = false;
    bool suspended = false;
};

/// None: nobody's, or of an account that is out of use. For use inside a transaction.
[[nodiscard]] std::optional<TokenOwner> find_token_owner(modapi::Transaction& transaction, const std::string& token);

/// Who has which access token. One a worker, which remembers what it asked the database: 10,000 tokens, half an hour since they
/// were used last. Where a transaction changes what is remembered it says so by the functions below: whoever awaited it finds
/// it forgotten by all workers of the process; other processes forget it as soon as they hear of it
/// (Transaction::invalidate_cache), for which Sessions::known_everywhere waits before anybody is told that a session has ended.
///
/// Thread: the worker's. Lifetime: all references outlive it.
class TokenOwners {
public:
    TokenOwners(modapi::Database& database, modapi::InvalidationBus& bus, const boost::asio::any_io_executor& executor);

    /// Null: nobody's. That isn't remembered, nor is who is locked or suspended: who may do something again may at once, in
    /// every process. Cost: mostly a hash of the token and a look-up.
    [[nodiscard]] async::task<std::shared_ptr<const TokenOwner>> of(std::string token);

private:
    /// By what tells tokens apart and doesn't give them away: it travels between processes.
    using Owners = async::cached<std::shared_ptr<const TokenOwner>(const std::string&, const std::string&), 1>;
    struct NotRemembered {
        std::shared_ptr<const TokenOwner> owner;
    };

    [[nodiscard]] async::task<std::shared_ptr<const TokenOwner>> read(std::string fingerprint, std::string token);

    modapi::Database& database_;
    Owners owners_;
    modapi::ModuleCaches caches_;
};

/// This token is no longer what it was. For use inside the transaction that changes it.
void forget_token(modapi::Transaction& transaction, const std::string& token);
/// Nor is any of the user's that are left.
void forget_tokens_of(modapi::Transaction& transaction, const std::string& user_id);

}  // namespace homeserver
