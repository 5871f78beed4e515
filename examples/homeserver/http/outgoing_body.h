#pragma once

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// What is sent behind the header of an answer that isn't in its response: its endpoint leaves it in
/// RoutedRequest::outgoing_body. One that is too large for memory is read part by part, whenever the client has taken the one
/// before; one that is in memory is sent from there.
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
    /// All of it, if it is in memory; `read` isn't asked then. It is JSON, or whatever else the response says. Valid as long as
    /// this object.
    [[nodiscard]] virtual std::optional<std::string_view> whole() const noexcept { return std::nullopt; }
    /// The next part; an empty one ends the connection if that wasn't all. One at a time. Errors: any; the connection ends.
    [[nodiscard]] virtual async::task<std::string> read() = 0;
};

}  // namespace homeserver
