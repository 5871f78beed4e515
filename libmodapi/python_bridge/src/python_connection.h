#pragma once

#include <callbacks/json.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace modapi {

/// What arrived is no frame of the protocol: nothing that comes behind it can be understood.
class BadFrame : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Frames over a connected socket that doesn't block: four bytes of length, then a JSON object.
///
/// Who waits for the socket, and how, is another's affair: an event loop, or `wait_until` where nothing else may run. What has
/// arrived stays here, so that the two may follow each other. Thread: one at a time. Lifetime: the descriptor outlives it.
class PythonConnection {
public:
    /// Bytes of a frame, both ways.
    static constexpr std::size_t frame_limit = 32UL * 1024 * 1024;
    using time_point = std::chrono::steady_clock::time_point;

    explicit PythonConnection(int descriptor) noexcept : descriptor_(descriptor) {}
    PythonConnection(const PythonConnection&) = delete;
    PythonConnection& operator=(const PythonConnection&) = delete;

    /// Sends a frame, or keeps what the socket doesn't take now. False: the other end is gone, or takes nothing any more though
    /// more waits for it than two frames may have. Errors: std::length_error for a message beyond `frame_limit`.
    [[nodiscard]] bool send(const callbacks::JsonDict& message);
    /// Sends what was kept, as far as it goes. False: as of `send`.
    [[nodiscard]] bool flush() noexcept;
    /// Whether something is kept.
    [[nodiscard]] bool has_unsent() const noexcept { return sent_ < unsent_.size(); }
    /// Whether the other end is there and takes nothing.
    [[nodiscard]] bool is_clogged() const noexcept { return is_clogged_; }
    /// Takes what has arrived, at most a part of it: more may be there. False: the other end has closed it.
    [[nodiscard]] bool receive();
    /// The next message that has arrived as a whole; none: there is none. Errors: BadFrame.
    [[nodiscard]] std::optional<callbacks::JsonDict> next();
    /// Blocks until something arrives here or at `other`, or what is kept can be sent, or the time has come; false then.
    [[nodiscard]] bool wait_until(time_point end, int other) const noexcept;

private:
    static constexpr std::size_t read_at_once = 64UL * 1024;

    int descriptor_;
    std::unique_ptr<char[]> arriving_ = std::make_unique_for_overwrite<char[]>(read_at_once);
    std::string unsent_;
    std::size_t sent_ = 0;  // of `unsent_`
    bool is_clogged_ = false;
    std::string received_;
    std::size_t taken_ = 0;  // of `received_`
};

}  // namespace modapi
