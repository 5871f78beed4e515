#include "process/descriptor_use.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

/// The endpoints that answer most, with those that do: so many are named.
constexpr std::size_t max_named = 3;

struct Descriptors {
    std::size_t sockets = 0;
    std::size_t files = 0;
    std::size_t others = 0;
};

Descriptors open_descriptors() {
    Descriptors counted;
    std::error_code error;
    std::filesystem::directory_iterator descriptor("/proc/self/fd", error);
    for (; !error && descriptor != std::filesystem::directory_iterator(); descriptor.increment(error)) {
        std::error_code closed;
        const std::string target = std::filesystem::read_symlink(descriptor->path(), closed).string();
        if (closed) continue;
        if (target.starts_with("socket:")) {
            ++counted.sockets;
        } else {
            ++(target.starts_with('/') ? counted.files : counted.others);
        }
    }
    return counted;
}

std::string answered_text(const ConnectionCounts& clients) {
    std::vector<std::pair<std::string, std::size_t>> by_number(clients.answered_by.begin(), clients.answered_by.end());
    std::stable_sort(by_number.begin(), by_number.end(),
                     [](const auto& left, const auto& right) { return left.second > right.second; });
    std::size_t answered = 0;
    std::string named;
    for (std::size_t at = 0; at < by_number.size(); ++at) {
        answered += by_number[at].second;
        if (at < max_named)
            named += (at == 0 ? ": " : ", ") + std::to_string(by_number[at].second) + " by " + by_number[at].first;
    }
    return std::to_string(answered) + " are being answered" + named;
}

}  // namespace

void SpareDescriptor::release() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void SpareDescriptor::hold() noexcept {
    if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

std::string descriptor_use(const ConnectionCounts& clients) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const Descriptors open = open_descriptors();
    const std::size_t other_sockets = open.sockets - std::min(open.sockets, clients.open);
    return "all " + std::to_string(limit.rlim_cur) + " file descriptors are in use: " + std::to_string(clients.open) +
           " by clients (" + answered_text(clients) + "), " + std::to_string(other_sockets) + " by other sockets, " +
           std::to_string(open.files) + " by files, " + std::to_string(open.others) + " by others";
}

}  // namespace homeserver
