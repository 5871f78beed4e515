#pragma once

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace homeserver {

/// The body of a request whose endpoint takes it in parts (RequestBody::in_parts): the endpoint is called as soon as the header
/// is there, so that it can refuse what it doesn't want before that is sent, and nothing is kept in memory but the part that it
/// reads.
///
/// It has no limit of its own: who reads it counts. What is left unread is thrown away, and the connection ends after the
/// answer. A client that waits to be asked for its body (`Expect: 100-continue`) is asked by the first read.
///
/// Thread: the connection's. Lifetime: the request's.
class IncomingBody {
public:
    /// A part has at most about so many bytes.
    static constexpr std::size_t part_size = 256 * 1024;

    virtual ~IncomingBody() = default;
    IncomingBody() = default;
    IncomingBody(const IncomingBody&) = delete;
    IncomingBody& operator=(const IncomingBody&) = delete;

    /// How long it is, as the header says; none: it comes in chunks, and nobody knows before it ends.
    [[nodiscard]] virtual std::optional<std::uint64_t> announced_size() const = 0;
    /// The next part; an empty one: that was all. One at a time. Errors: SynapseError 400 for chunks that are none. Cancel:
    /// throws; so it does when the client is gone before the body is whole, or a part isn't there within 30 s.
    [[nodiscard]] virtual async::task<std::string> read() = 0;
};

}  // namespace homeserver
