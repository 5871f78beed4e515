#pragma once

#include <callbacks/category.h>
#include <callbacks/json.h>
#include <callbacks/media.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace callbacks {

/// Contract: media_repository_callbacks.
template <MODAPI_CALLBACK_KIND>
struct MediaRepositoryCategory {
    static constexpr std::string_view category_name = "media repository";

    /// A client asks what it may upload. The answer is what it gets as a whole; an empty one counts as none. Nobody: the
    /// configured size, as `m.upload.size`.
    Callback<"get_media_config_for_user", std::optional<JsonDict>(const std::string& user_id),
             since<"1.132.0", routine<first_not_empty>>, propagate>
        get_media_config_for_user{};

    /// An upload of `size` bytes, no more than is configured, and not stored yet. False: 413 `M_TOO_LARGE`.
    Callback<"is_user_allowed_to_upload_media_of_size", bool(const std::string& user_id, std::int64_t size),
             since<"1.132.0", async::first_not<true>>, propagate>
        is_user_allowed_to_upload_media_of_size{};

    /// An upload is on local disk, checked for spam, and in no table yet. An empty list: without limit. Nobody: what is
    /// configured.
    Callback<"get_media_upload_limits_for_user", std::optional<std::vector<MediaUploadLimit>>(const std::string& user_id),
             since<"1.139.0", routine<first_value>>, propagate>
        get_media_upload_limits_for_user{};

    /// An upload is about to be refused: with its `attempted_bytes` the user would have sent more than `limit` lets them in its
    /// time, where they have sent `sent_bytes` already.
    Callback<"on_media_upload_limit_exceeded",
             void(const std::string& user_id, const MediaUploadLimit& limit, std::int64_t sent_bytes,
                  std::int64_t attempted_bytes),
             since<"1.139.0", afterwards<run_all>>, propagate>
        on_media_upload_limit_exceeded{};
};

/// What a module registers.
using MediaRepository = MediaRepositoryCategory<async::slot>;
/// What a host calls.
using MediaRepositoryDispatch = MediaRepositoryCategory<async::dispatch>;

}  // namespace callbacks
