#pragma once

#include <modapi/database.h>

#include <callbacks/media.h>
#include <callbacks/users.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// One uploaded file, as the database has it.
struct StoredMedia {
    std::string media_id;
    std::string content_type;
    std::string file_name;  ///< empty: none was given
    std::string uploader;
    std::int64_t length = 0;
};

[[nodiscard]] std::optional<StoredMedia> find_media(modapi::Transaction& transaction, const std::string& media_id);

/// A file that is to be stored, and under which conditions.
struct MediaOrder {
    StoredMedia media;
    callbacks::Requester requester;
    bool is_announced = false;  ///< its id was given away before (announced_media.h)
    /// What its uploader may upload in which time; of several that are exceeded the first counts.
    std::vector<callbacks::MediaUploadLimit> limits{};
    std::int64_t now_ms = 0;  ///< the process's time
};

/// A limit that an upload would exceed, and what counts towards it without that upload.
struct ExceededLimit {
    callbacks::MediaUploadLimit limit;
    std::int64_t sent_bytes = 0;
};

/// Stores it, if it exceeds no limit. What is summed up and the row are one transaction: of two uploads at once, each of which
/// would be the last that a limit lets in, one is refused; where there are limits, for Database::run_in_turn.
///
/// Errors: 401 of a session that has ended; of an announced one those of end_announcement.
[[nodiscard]] std::optional<ExceededLimit> store_media(modapi::Transaction& transaction, const MediaOrder& order);

}  // namespace homeserver
