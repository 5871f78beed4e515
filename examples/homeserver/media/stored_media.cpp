#include "media/stored_media.h"

#include "access/authentication.h"
#include "accounts/shared_time.h"
#include "media/announced_media.h"

#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using callbacks::MediaUploadLimit;
using modapi::Transaction;

std::optional<ExceededLimit> exceeded_limit(Transaction& transaction, const MediaOrder& order, std::int64_t now_ms) {
    for (const MediaUploadLimit& limit : order.limits) {
        const auto row = transaction.query_one<std::int64_t>(
            "SELECT CAST(COALESCE(SUM(length), 0) AS BIGINT) FROM media WHERE uploader = ? AND creation_ts > ?",
            order.media.uploader, now_ms - limit.time_period_ms());
        const std::int64_t sent_bytes = std::get<0>(row.value());
        if (order.media.length > limit.max_bytes() - sent_bytes) return ExceededLimit{limit, sent_bytes};
    }
    return std::nullopt;
}

}  // namespace

std::optional<StoredMedia> find_media(Transaction& transaction, const std::string& media_id) {
    auto row = transaction.query_one<std::string, std::string, std::string, std::int64_t>(
        "SELECT content_type, file_name, uploader, length FROM media WHERE media_id = ?", media_id);
    if (!row) return std::nullopt;
    StoredMedia media;
    media.media_id = media_id;
    std::tie(media.content_type, media.file_name, media.uploader, media.length) = std::move(*row);
    return media;
}

std::optional<ExceededLimit> store_media(Transaction& transaction, const MediaOrder& order) {
    require_session(transaction, order.requester);
    const StoredMedia& media = order.media;
    const std::int64_t now_ms = shared_time_ms(transaction, order.now_ms);
    const std::optional<ExceededLimit> exceeded = exceeded_limit(transaction, order, now_ms);
    if (exceeded) return exceeded;
    if (order.is_announced) end_announcement(transaction, media.media_id, media.uploader, now_ms);
    transaction.execute(
        "INSERT INTO media (media_id, content_type, file_name, uploader, length, creation_ts) VALUES (?, ?, ?, ?, ?, ?)",
        media.media_id, media.content_type, media.file_name, media.uploader, media.length, now_ms);
    return std::nullopt;
}

}  // namespace homeserver
