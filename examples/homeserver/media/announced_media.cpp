#include "media/announced_media.h"

#include "access/authentication.h"
#include "accounts/shared_time.h"
#include "media/stored_media.h"
#include "rate_limits/limit_exceeded.h"

#include <callbacks/errors.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::SynapseError;
using modapi::Transaction;

/// Whose it is, if it hasn't expired.
std::optional<std::string> announced_to(Transaction& transaction, const std::string& media_id, std::int64_t now_ms) {
    const auto row = transaction.query_one<std::string>(
        "SELECT uploader FROM announced_media WHERE media_id = ? AND expires_ts > ?", media_id, now_ms);
    if (!row) return std::nullopt;
    return std::get<0>(*row);
}

void require_announced_at(Transaction& transaction, const std::string& media_id, const std::string& user_id,
                          std::int64_t now_ms) {
    std::optional<std::string> uploader = announced_to(transaction, media_id, now_ms);
    const bool is_uploaded = !uploader.has_value();
    if (is_uploaded) {
        const std::optional<StoredMedia> media = find_media(transaction, media_id);
        if (!media) throw SynapseError(404, "Unknown media ID, or it has expired", Codes::NOT_FOUND);
        uploader = media->uploader;
    }
    if (*uploader != user_id) throw SynapseError(403, "This media ID was created by another user", Codes::FORBIDDEN);
    if (is_uploaded) refuse_to_overwrite();
}

}  // namespace

std::int64_t announce_media(Transaction& transaction, const std::string& media_id, const callbacks::Requester& requester,
                            std::int64_t process_now_ms) {
    require_session(transaction, requester);
    const std::int64_t now_ms = shared_time_ms(transaction, process_now_ms);
    const std::string user_id = requester.user.to_string();
    transaction.execute("DELETE FROM announced_media WHERE expires_ts <= ?", now_ms);
    const auto row = transaction.query_one<std::int64_t, std::optional<std::int64_t>>(
        "SELECT COUNT(*), MIN(expires_ts) FROM announced_media WHERE uploader = ?", user_id);
    const auto& [count, first_expires] = row.value();
    if (count >= max_announced) {
        const std::chrono::milliseconds wait(first_expires.value_or(now_ms) - now_ms);
        throw LimitExceeded(wait, "Too many media IDs wait for their uploads");
    }
    const std::int64_t expires = now_ms + announcement_lasts_ms;
    transaction.execute("INSERT INTO announced_media (media_id, uploader, expires_ts) VALUES (?, ?, ?)", media_id, user_id,
                        expires);
    return expires;
}

bool is_announced(Transaction& transaction, const std::string& media_id, std::int64_t process_now_ms) {
    return announced_to(transaction, media_id, shared_time_ms(transaction, process_now_ms)).has_value();
}

void require_announced(Transaction& transaction, const std::string& media_id, const std::string& user_id,
                       std::int64_t process_now_ms) {
    require_announced_at(transaction, media_id, user_id, shared_time_ms(transaction, process_now_ms));
}

void end_announcement(Transaction& transaction, const std::string& media_id, const std::string& user_id, std::int64_t now_ms) {
    require_announced_at(transaction, media_id, user_id, now_ms);
    transaction.execute("DELETE FROM announced_media WHERE media_id = ?", media_id);
}

void refuse_to_overwrite() { throw SynapseError(409, "This media ID has its upload already", Codes::CANNOT_OVERWRITE_MEDIA); }

}  // namespace homeserver
