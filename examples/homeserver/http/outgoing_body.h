#pragma once

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace homeserver {

/// What is sent behind the header of an answer that is too large for memory: its endpoint leaves it in
/// RoutedRequest::outgoing_body, and the connection reads a part of it whenever the client has taken the one before.
///
/// Thread: the connection's. Lifetime: until it is sent, after the endpoint has returned.
class OutgoingBody {
public:
    /// A part has at most so many bytes.
    static constexpr std::size_t part_size = 256 * 1024;

    virtual ~OutgoingBody() = default;
    OutgoingBody() = default;
    OutgoingBody(const OutgoingBody&) = delete;
    OutgoingBody& operator=(const OutgoingBody&) = delete;

    /// How long it is.
    [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;
    /// The next part; an empty one ends the connection if that wasn't all. One at a time. Errors: any; the connection ends.
    [[nodiscard]] virtual async::task<std::string> read() = 0;
};

}  // namespace homeserver
