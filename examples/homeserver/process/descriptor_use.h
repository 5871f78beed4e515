#pragma once

#include "http/connection.h"

#include <string>

namespace homeserver {

/// One file descriptor that is kept for when there is no other. Thread: one.
class SpareDescriptor {
public:
    SpareDescriptor() noexcept { hold(); }
    ~SpareDescriptor() { release(); }
    SpareDescriptor(const SpareDescriptor&) = delete;
    SpareDescriptor& operator=(const SpareDescriptor&) = delete;

    /// From now on somebody else may have it.
    void release() noexcept;
    /// Takes one again, if there is one.
    void hold() noexcept;

private:
    int descriptor_ = -1;
};

/// What holds the file descriptors of this process, in words for an operator: `all 1024 file descriptors are in use: 990 by
/// clients (12 are being answered: 9 by /_matrix/client/v3/sync, 3 by what modules serve), 20 by other sockets, 10 by files, 4
/// by others`. Needs a free descriptor to find out. Cost: a system call for each of them.
[[nodiscard]] std::string descriptor_use(const ConnectionCounts& clients);

}  // namespace homeserver
