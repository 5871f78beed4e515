#pragma once

#include <callbacks/json.h>

#include <boost/json/stream_parser.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
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

    /// Sends a frame, or keeps what the socket doesn't take now, however much that is: who sends looks at `unsent`. False: the
    /// other end is gone. Errors: std::length_error for a message beyond `frame_limit`.
    [[nodiscard]] bool send(const callbacks::JsonDict& message);
    /// Likewise a message that is written already, as a JSON object.
    [[nodiscard]] bool send_text(std::string text);
    /// Sends what was kept, as far as it goes. False: as of `send`.
    [[nodiscard]] bool flush() noexcept;
    /// Whether something is kept, and how many bytes.
    [[nodiscard]] bool has_unsent() const noexcept { return unsent_bytes_ > 0; }
    [[nodiscard]] std::size_t unsent() const noexcept { return unsent_bytes_; }
    /// Takes what has arrived, at most a part of it: more may be there. False: the other end has closed it.
    [[nodiscard]] bool receive();
    /// The next message that has arrived as a whole; none: there is none. A long one is read part by part, with each call what
    /// has arrived of it. Errors: BadFrame.
    [[nodiscard]] std::optional<callbacks::JsonDict> next();
    /// Bytes of the message that `next` gave last.
    [[nodiscard]] std::size_t size_of_last() const noexcept { return last_size_; }
    /// Blocks until something arrives here or at `other`, or what is kept can be sent, or the time has come; false then.
    [[nodiscard]] bool wait_until(time_point end, int other) const noexcept;

private:
    static constexpr std::size_t read_at_once = 64UL * 1024;

    static constexpr std::size_t length_bytes = 4;
    struct Frame {
        std::array<char, length_bytes> length{};
        std::string text;
    };

    [[nodiscard]] std::optional<callbacks::JsonDict> next_part();
    void note_sent(std::size_t bytes) noexcept;
    void drop_taken();

    int descriptor_;
    std::unique_ptr<char[]> arriving_ = std::make_unique_for_overwrite<char[]>(read_at_once);
    std::deque<Frame> unsent_;
    std::size_t unsent_bytes_ = 0;
    std::size_t sent_ = 0;  // of the first of `unsent_`
    std::string received_;
    std::size_t taken_ = 0;  // of `received_`
    std::optional<boost::json::stream_parser> long_one_;  // that arrives now
    std::size_t missing_ = 0;                             // of it
    std::size_t last_size_ = 0;
};

}  // namespace modapi
