#include "sessions/ended_sessions.h"

#include "access/token_owners.h"

#include <cstdint>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using modapi::Transaction;

/// What ends with a device. The row of the device itself is the last.
constexpr const char* of_a_device[] = {"access_tokens", "pushers", "devices"};

/// What is about to be removed.
RemovedTokens removed_tokens(Transaction& transaction, std::vector<std::tuple<std::optional<std::string>, std::string>> rows) {
    RemovedTokens tokens;
    for (auto& [device_id, token] : rows) {
        forget_token(transaction, token);
        tokens.push_back({std::move(device_id), std::move(token)});
    }
    return tokens;
}

void append(RemovedTokens& tokens, RemovedTokens more) {
    for (RemovedToken& token : more) tokens.push_back(std::move(token));
}

RemovedTokens remove_device(Transaction& transaction, const std::string& user_id, const std::string& device_id) {
    RemovedTokens tokens = removed_tokens(
        transaction, transaction.query<std::optional<std::string>, std::string>(
                         "SELECT device_id, token FROM access_tokens WHERE user_id = ? AND device_id = ? ORDER BY token_id",
                         user_id, device_id));
    for (const char* const table : of_a_device) {
        transaction.execute(std::string("DELETE FROM ") + table + " WHERE user_id = ? AND device_id = ?", user_id, device_id);
    }
    return tokens;
}

/// A pusher that was set by a token without a device is all such tokens'.
void remove_pushers_without_device(Transaction& transaction, const std::string& user_id) {
    transaction.execute(
        "DELETE FROM pushers WHERE user_id = ? AND device_id IS NULL AND NOT EXISTS (SELECT 1 FROM access_tokens t WHERE "
        "t.user_id = pushers.user_id AND t.device_id IS NULL)",
        user_id);
}

std::vector<std::string> devices_of_user(Transaction& transaction, const std::string& user_id) {
    std::vector<std::string> devices;
    auto rows = transaction.query<std::string>(
        "SELECT device_id FROM (SELECT device_id, MIN(token_id) AS first_token FROM access_tokens WHERE user_id = ? AND "
        "device_id IS NOT NULL GROUP BY device_id) AS known ORDER BY first_token",
        user_id);
    for (auto& [device_id] : rows) devices.push_back(std::move(device_id));
    auto without_token = transaction.query<std::string>(
        "SELECT device_id FROM devices d WHERE user_id = ? AND NOT EXISTS (SELECT 1 FROM access_tokens t WHERE t.user_id = "
        "d.user_id AND t.device_id = d.device_id)",
        user_id);
    for (auto& [device_id] : without_token) devices.push_back(std::move(device_id));
    return devices;
}

}  // namespace

RemovedTokens remove_session(Transaction& transaction, const callbacks::Requester& requester) {
    const std::string user_id = requester.user.to_string();
    if (requester.device_id) return remove_device(transaction, user_id, *requester.device_id);
    const std::int64_t token_id = requester.access_token_id.value();
    RemovedTokens tokens = removed_tokens(
        transaction, transaction.query<std::optional<std::string>, std::string>(
                         "SELECT device_id, token FROM access_tokens WHERE token_id = ? AND user_id = ? AND device_id IS NULL",
                         token_id, user_id));
    transaction.execute("DELETE FROM access_tokens WHERE token_id = ? AND user_id = ? AND device_id IS NULL", token_id, user_id);
    remove_pushers_without_device(transaction, user_id);
    return tokens;
}

RemovedTokens remove_devices(Transaction& transaction, const std::string& user_id, const std::vector<std::string>& device_ids) {
    RemovedTokens tokens;
    for (const std::string& device_id : device_ids) append(tokens, remove_device(transaction, user_id, device_id));
    return tokens;
}

RemovedTokens remove_all_sessions(Transaction& transaction, const std::string& user_id,
                                  const std::optional<std::string>& kept_device) {
    std::vector<std::string> devices = devices_of_user(transaction, user_id);
    if (kept_device) std::erase(devices, *kept_device);
    RemovedTokens tokens = remove_devices(transaction, user_id, devices);
    append(tokens,
           removed_tokens(
               transaction,
               transaction.query<std::optional<std::string>, std::string>(
                   "SELECT device_id, token FROM access_tokens WHERE user_id = ? AND device_id IS NULL ORDER BY token_id",
                   user_id)));
    transaction.execute("DELETE FROM access_tokens WHERE user_id = ? AND device_id IS NULL", user_id);
    remove_pushers_without_device(transaction, user_id);
    return tokens;
}

}  // namespace homeserver
