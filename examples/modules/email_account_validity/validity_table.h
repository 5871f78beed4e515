#pragma once

#include "renewal_token.h"

#include <modapi/module_api.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace account_validity {

/// Until when an account is valid.
struct Expiration {
    std::string user_id;
    std::int64_t expiration_ts = 0;  ///< milliseconds since 1970
};

/// What became of a token that somebody came with.
struct Renewal {
    enum class Outcome : unsigned char { no_such_token, used_before, renewed };
    Outcome outcome = Outcome::no_such_token;
    std::int64_t expiration_ts = 0;  ///< of the account after it
};

/// The table email_account_validity. When an account expires is asked at every request: it is remembered, and whatever writes
/// it has all workers forget it, after the commit. All times are milliseconds since 1970.
class ValidityTable {
public:
    /// In a module's constructor; lives as long as the module.
    explicit ValidityTable(modapi::ModuleApi& api);

    [[nodiscard]] async::task<void> create();
    /// Gives accounts that have no expiry the one beside them, in one transaction; how many had none. For start(), when no
    /// worker can have remembered an expiry yet.
    [[nodiscard]] async::task<std::int64_t> add_missing(std::vector<Expiration> accounts);

    /// None: the account doesn't expire.
    [[nodiscard]] async::task<std::optional<std::int64_t>> expiration_of(const std::string& user_id) {
        return find_expiration_(user_id);
    }
    /// The accounts that expire until then and were sent no notice of it.
    [[nodiscard]] async::task<std::vector<Expiration>> due(std::int64_t until);

    /// Begins a period, of which no notice was sent.
    [[nodiscard]] async::task<void> begin(Expiration account);
    /// What an admin says: notices are sent or not, and the account's token of this kind is no good any more.
    [[nodiscard]] async::task<void> overrule(Expiration account, bool send_notice, TokenKind kind, std::int64_t now);
    /// The account's only token from now on, unused. False: another account has it.
    [[nodiscard]] async::task<bool> store_token(std::string user_id, RenewalToken token);
    /// A notice was sent of this end of the account, and none of another that it may have got meanwhile.
    [[nodiscard]] async::task<void> note_sent(Expiration account);
    /// Uses a token up. Without user, a typed one is no token: others may have the same.
    [[nodiscard]] async::task<Renewal> renew(RenewalToken token, std::optional<std::string> user_id, std::int64_t now,
                                             std::int64_t expiration_ts);

private:
    [[nodiscard]] async::task<std::optional<std::int64_t>> read_expiration(const std::string& user_id);
    [[nodiscard]] async::task<void> forget(std::string user_id);

    modapi::ModuleApi& api_;
    async::cached<std::optional<std::int64_t>(const std::string&)> find_expiration_;
};

}  // namespace account_validity
