#include "rate_limits/rate_overrides.h"

#include <utility>

namespace homeserver {

namespace {

constexpr std::size_t remembered_users = 10'000;

std::optional<RateOverride> find_override(modapi::Transaction& transaction, const std::string& user_id) {
    const auto row = transaction.query_one<std::int64_t, std::int64_t>(
        "SELECT messages_per_second, burst_count FROM rate_overrides WHERE user_id = ?", user_id);
    if (!row) return std::nullopt;
    RateOverride found;
    std::tie(found.messages_per_second, found.burst_count) = *row;
    return found;
}

void write_override(modapi::Transaction& transaction, const std::string& user_id, const std::optional<RateOverride>& limits) {
    transaction.execute("DELETE FROM rate_overrides WHERE user_id = ?", user_id);
    if (!limits) return;
    transaction.execute("INSERT INTO rate_overrides (user_id, messages_per_second, burst_count) VALUES (?, ?, ?)", user_id,
                        limits->messages_per_second, limits->burst_count);
}

}  // namespace

RateOverrides::RateOverrides(modapi::Database& database, modapi::InvalidationBus& bus,
                             const boost::asio::any_io_executor& executor)
    : database_(database),
      limits_("rate_overrides", async::bind<&RateOverrides::read>(this), async::cache_options().max_entries(remembered_users)),
      caches_(bus, database, executor) {
    caches_.add("homeserver.rate_overrides", limits_);
}

async::task<std::optional<RateLimit>> RateOverrides::read(std::string user_id) {
    const std::optional<RateOverride> found = co_await stored(std::move(user_id));
    if (!found) co_return std::nullopt;
    RateLimit limit;
    limit.per_second = static_cast<double>(found->messages_per_second);
    limit.burst_count = found->burst_count;
    co_return limit;
}

async::task<std::optional<RateOverride>> RateOverrides::stored(std::string user_id) {
    return database_.read("find_rate_override", &find_override, std::move(user_id));
}

async::task<void> RateOverrides::store(std::string user_id, std::optional<RateOverride> limits,
                                       std::function<void(modapi::Transaction&)> require) {
    const auto write = [this](modapi::Transaction& transaction, const std::string& user,
                              const std::optional<RateOverride>& wanted,
                              const std::function<void(modapi::Transaction&)>& required) {
        required(transaction);
        write_override(transaction, user, wanted);
        transaction.invalidate_cache(limits_, user);
    };
    async::task<void> writing = database_.run("store_rate_override", write, std::move(user_id), limits, std::move(require));
    co_await std::move(writing);
}

}  // namespace homeserver
