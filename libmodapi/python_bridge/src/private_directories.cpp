#include "private_directories.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

namespace modapi {

namespace {

constexpr std::string_view name_begins = "modapi-python-";
/// One that is being made has no lock yet.
constexpr std::chrono::minutes newest(1);

OwnedDescriptor opened(const std::filesystem::path& directory) {
    return OwnedDescriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_left_over(const std::filesystem::directory_entry& entry) {
    if (!entry.path().filename().string().starts_with(name_begins)) return false;
    std::error_code unknown;
    const std::filesystem::file_time_type written = entry.last_write_time(unknown);
    if (unknown || written > std::filesystem::file_time_type::clock::now() - newest) return false;
    const OwnedDescriptor directory = opened(entry.path());
    return directory.get() >= 0 && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

std::filesystem::path private_directory_template() {
    return std::filesystem::temp_directory_path() / (std::string(name_begins) + "XXXXXX");
}

OwnedDescriptor locked_directory(const std::filesystem::path& directory) {
    OwnedDescriptor locked = opened(directory);
    if (locked.get() < 0 || ::flock(locked.get(), LOCK_SH) != 0)
        throw std::system_error(errno, std::generic_category(), "a private directory for a Python process, " + directory.string());
    return locked;
}

void remove_left_over_directories() noexcept {
    try {
        for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path())) {
            std::error_code lost;
            if (is_left_over(entry)) std::filesystem::remove_all(entry.path(), lost);
        }
    } catch (...) {
        // They are in nobody's way.
    }
}

}  // namespace modapi
