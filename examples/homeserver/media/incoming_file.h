#pragma once

#include "media/media_settings.h"

#include <modapi/database.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace homeserver {

/// Where a file of the store lies. Ids are random, so the first letters spread the files over folders.
[[nodiscard]] std::filesystem::path path_of_media(const MediaSettings& media_settings, const std::string& media_id);

/// An uploaded file that isn't stored yet: it lies in a folder of its own, `local_content/incoming`, so that what a killed
/// server left there is known for what it is. Ends with the object unless it was kept.
///
/// Thread: one at a time. Its file is locked while it lives: other servers with that store leave it alone. Blocks.
class IncomingFile {
public:
    /// An empty one of an id that nobody else has. Errors: std::system_error; there is none then.
    IncomingFile(const MediaSettings& media_settings, const std::string& media_id);
    /// An empty one of an id that was given away before the upload; null: another upload of it is under way, also in another
    /// process. Errors: std::system_error.
    [[nodiscard]] static std::unique_ptr<IncomingFile> of_announced(const MediaSettings& media_settings,
                                                                    const std::string& media_id);
    ~IncomingFile();
    IncomingFile(const IncomingFile&) = delete;
    IncomingFile& operator=(const IncomingFile&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// Appends. Errors: std::system_error.
    void write(std::string_view bytes);
    /// Puts it where the store has it; its media is in the database. Errors: std::filesystem::filesystem_error.
    void keep();

private:
    IncomingFile(const MediaSettings& media_settings, const std::string& media_id, int descriptor);

    std::filesystem::path path_;
    std::filesystem::path place_;
    int descriptor_ = -1;
    bool is_there_ = true;
};

/// Ends what servers left in the folder of incoming files that didn't end by themselves: what the database has is kept,
/// everything else is removed, but for what another server is about to store, and what is younger than this call. For the
/// server's start. Blocks. What can't be read or removed stays, and is a line of the log.
void end_incoming_files(modapi::Database& database, const MediaSettings& media_settings);

}  // namespace homeserver
