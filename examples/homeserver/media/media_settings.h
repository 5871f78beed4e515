#pragma once

#include <filesystem>

namespace homeserver {

/// Where uploaded files lie.
struct MediaSettings {
    std::filesystem::path store_path;
};

}  // namespace homeserver
