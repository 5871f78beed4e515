#include "media/incoming_file.h"

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace homeserver {

namespace {

namespace fs = std::filesystem;

fs::path folder_of_incoming(const MediaSettings& media_settings) {
    return media_settings.store_path / "local_content" / "incoming";
}

[[noreturn]] void fail(int reason, const fs::path& path) {
    throw std::system_error(reason, std::generic_category(), path.string());
}

/// A file that is open. The lock on it ends with it, and with the process, however that ends.
class OpenFile {
public:
    OpenFile(const fs::path& path, int how) : descriptor_(::open(path.c_str(), how | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
    ~OpenFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
    [[nodiscard]] bool lock() const noexcept { return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }
    void wait_for_lock() const noexcept {
        while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
        }
    }
    /// Nobody has removed it.
    [[nodiscard]] bool has_name() const noexcept {
        struct stat status {};
        return ::fstat(descriptor_, &status) != 0 || status.st_nlink > 0;
    }
    /// Whether it is what is found at `path`, and not in another place by now.
    [[nodiscard]] bool lies_at(const fs::path& path) const noexcept {
        struct stat own {};
        struct stat found {};
        return ::fstat(descriptor_, &own) == 0 && ::lstat(path.c_str(), &found) == 0 && own.st_ino == found.st_ino &&
               own.st_dev == found.st_dev;
    }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

private:
    int descriptor_;
};

/// 0, or why it failed.
int write_all(int descriptor, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

/// Makes the folders that a file comes from and goes to; where it is until it is whole.
fs::path prepare_folders(const MediaSettings& media_settings, const std::string& media_id) {
    const fs::path path = folder_of_incoming(media_settings) / media_id;
    fs::create_directories(path.parent_path());
    fs::create_directories(path_of_media(media_settings, media_id).parent_path());
    return path;
}

/// The descriptor of a new file, which is locked.
int new_file(const MediaSettings& media_settings, const std::string& media_id) {
    const fs::path path = prepare_folders(media_settings, media_id);
    std::optional<OpenFile> file;
    do {
        file.emplace(path, O_WRONLY | O_CREAT | O_EXCL);
        if (!file->is_open()) fail(errno, path);
        file->wait_for_lock();    // where there are no locks, nobody else has the store
    } while (!file->has_name());  // a server that starts found it before the lock was there
    return file->release();
}

/// The descriptor of a file that is locked and empty: a new one, or what a killed server left; -1: somebody has it.
int file_of_announced(const MediaSettings& media_settings, const std::string& media_id) {
    const fs::path path = prepare_folders(media_settings, media_id);
    for (;;) {
        OpenFile file(path, O_WRONLY | O_CREAT);
        if (!file.is_open()) fail(errno, path);
        if (!file.lock()) return -1;
        if (!file.lies_at(path)) continue;  // who had it has kept or removed it meanwhile
        if (::ftruncate(file.descriptor(), 0) != 0) fail(errno, path);
        return file.release();
    }
}

/// As new_media_id makes it: nothing else in that folder is the server's.
bool is_media_id(std::string_view name) noexcept {
    constexpr std::size_t size = 24;
    return name.size() == size &&
           std::all_of(name.begin(), name.end(), [](unsigned char character) { return std::isalnum(character) != 0; });
}

struct MediaQuestion {
    std::string media_id;
    bool is_stored = false;
};

void look_up(modapi::Transaction& transaction, void* asked) {
    auto& question = *static_cast<MediaQuestion*>(asked);
    const auto row = transaction.query_one<std::int64_t>("SELECT length FROM media WHERE media_id = ?", question.media_id);
    question.is_stored = row.has_value();
}

void end_incoming(modapi::Database& database, const MediaSettings& media_settings, const fs::directory_entry& entry,
                  fs::file_time_type begin) {
    const bool is_ours = is_media_id(entry.path().filename().native()) && !entry.is_symlink() && entry.is_regular_file();
    if (!is_ours || entry.last_write_time() >= begin) return;
    const OpenFile file(entry.path(), O_RDWR);
    if (!file.is_open()) fail(errno, entry.path());
    if (!file.lock()) return;  // another server is about to store it
    MediaQuestion question;
    question.media_id = entry.path().filename().string();
    database.run_blocking("find_incoming_media", &look_up, &question);
    if (question.is_stored) {
        const fs::path place = path_of_media(media_settings, question.media_id);
        fs::create_directories(place.parent_path());
        fs::rename(entry.path(), place);
        spdlog::info("media {} is in its place now: the server was killed when it had stored it", question.media_id);
    } else {
        fs::remove(entry.path());
        spdlog::info("media {} is removed: the server was killed before it had stored it", question.media_id);
    }
}

}  // namespace

fs::path path_of_media(const MediaSettings& media_settings, const std::string& media_id) {
    return media_settings.store_path / "local_content" / media_id.substr(0, 2) / media_id;
}

IncomingFile::IncomingFile(const MediaSettings& media_settings, const std::string& media_id, int descriptor)
    : path_(folder_of_incoming(media_settings) / media_id),
      place_(path_of_media(media_settings, media_id)),
      descriptor_(descriptor) {}

IncomingFile::IncomingFile(const MediaSettings& media_settings, const std::string& media_id)
    : IncomingFile(media_settings, media_id, new_file(media_settings, media_id)) {}

std::unique_ptr<IncomingFile> IncomingFile::of_announced(const MediaSettings& media_settings, const std::string& media_id) {
    const int descriptor = file_of_announced(media_settings, media_id);
    if (descriptor < 0) return nullptr;
    return std::unique_ptr<IncomingFile>(new IncomingFile(media_settings, media_id, descriptor));
}

IncomingFile::~IncomingFile() {
    if (is_there_) ::unlink(path_.c_str());
    ::close(descriptor_);
}

void IncomingFile::write(std::string_view bytes) {
    const int reason = write_all(descriptor_, bytes);
    if (reason != 0) fail(reason, path_);
}

void IncomingFile::keep() {
    fs::rename(path_, place_);
    is_there_ = false;
}

void end_incoming_files(modapi::Database& database, const MediaSettings& media_settings) {
    const fs::file_time_type begin = fs::file_time_type::clock::now();
    std::error_code error;
    fs::directory_iterator each(folder_of_incoming(media_settings), error);
    if (error == std::errc::no_such_file_or_directory) return;
    if (error) {
        spdlog::warn("what a killed server left of uploads isn't looked at: {}", error.message());
        return;
    }
    for (; each != fs::directory_iterator(); each.increment(error)) {
        try {
            end_incoming(database, media_settings, *each, begin);
        } catch (const std::exception& failure) {
            spdlog::warn("what a killed server left of an upload stays: {}", failure.what());
        }
    }
}

}  // namespace homeserver
