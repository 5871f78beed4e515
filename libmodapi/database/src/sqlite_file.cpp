#include "sqlite_file.h"

#include <modapi/database.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace modapi {

namespace {

constexpr mode_t owner_only = 0600;

/// What the process that has the lock wrote there.
std::string holder_named_by(int descriptor) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
    const std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return std::string(line.substr(0, line.find('\n')));
}

}  // namespace

SqliteFileLock::SqliteFileLock(const std::string& file) {
    // Two names of one file are one database.
    std::error_code unresolved;
    const std::filesystem::path resolved = std::filesystem::weakly_canonical(file, unresolved);
    const std::string path = (unresolved ? file : resolved.string()) + ".lock";
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only);
    if (descriptor_ < 0)
        throw DatabaseError("can't open the database " + file + ": " + path + " can't be opened (" + std::strerror(errno) + ")");
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
        const std::string own = std::to_string(::getpid()) + "\n";
        // It only helps whoever reads it; the lock is what counts.
        const bool is_written = ::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, own.data(), own.size(), 0) > 0;
        static_cast<void>(is_written);
        return;
    }
    const std::string holder = holder_named_by(descriptor_);
    ::close(descriptor_);
    throw DatabaseError("can't open the database " + file + ": the process " + holder + " has it open");
}

SqliteFileLock::~SqliteFileLock() { ::close(descriptor_); }

void make_private_file(const std::string& file) noexcept {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, owner_only);
    if (descriptor >= 0) ::close(descriptor);
}

SqliteFileIdentity::Identity SqliteFileIdentity::identity_of(const std::string& file) noexcept {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return {};
    return {found.st_dev, found.st_ino};
}

SqliteFileIdentity::SqliteFileIdentity(const std::string& file)
    : file_(file), log_(file + "-wal"), of_file_(identity_of(file_)), of_log_(identity_of(log_)) {}

void SqliteFileIdentity::require_unchanged() const {
    if (identity_of(file_) != of_file_)
        throw DatabaseError("the database " + file_ + " was deleted or replaced while it is open: nothing is written any more");
    // SQLite puts the log of a linked file beside the file itself, which is another place.
    if (of_log_ != Identity() && identity_of(log_) != of_log_)
        throw DatabaseError("the log of the database " + log_ +
                            " was deleted or replaced while it is open: nothing is written any more");
}

}  // namespace modapi
