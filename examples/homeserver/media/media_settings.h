#pragma once

#include <callbacks/media.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace homeserver {

/// Where uploaded files lie, and how much may be uploaded.
struct MediaSettings {
    std::filesystem::path store_path;
    std::int64_t max_upload_size = 50 * 1024 * 1024;         ///< of one file, in bytes
    std::vector<callbacks::MediaUploadLimit> upload_limits{};  ///< of one user whom no module gives any of their own
};

}  // namespace homeserver
