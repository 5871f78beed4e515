#include "python_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>

namespace modapi {

namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t max_depth = 200;
constexpr std::size_t most_kept = 256UL * 1024;  // of memory that isn't needed now
constexpr std::size_t max_unsent = 2 * PythonConnection::frame_limit;

void append_length(std::string& to, std::size_t length) {
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(length >> shift & 0xFF));
}

std::size_t length_at(const char* bytes) noexcept {
    std::size_t length = 0;
    for (std::size_t at = 0; at < length_bytes; ++at) length = length << 8 | static_cast<unsigned char>(bytes[at]);
    return length;
}

bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

bool PythonConnection::send(const callbacks::JsonDict& message) {
    const std::string text = boost::json::serialize(message);
    if (text.size() > frame_limit) {
        throw std::length_error("what the module is to be told has " + std::to_string(text.size()) +
                                " bytes, and a message has at most " + std::to_string(frame_limit));
    }
    if (!has_unsent()) {
        unsent_.clear();
        sent_ = 0;
    } else if (unsent_.size() - sent_ > max_unsent) {
        is_clogged_ = true;
        return false;
    }
    append_length(unsent_, text.size());
    unsent_ += text;
    return flush();
}

bool PythonConnection::flush() noexcept {
    while (has_unsent()) {
        const ssize_t sent = ::send(descriptor_, unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return would_block();
        sent_ += static_cast<std::size_t>(sent);
    }
    if (unsent_.capacity() > most_kept) unsent_ = std::string();
    return true;
}

bool PythonConnection::receive() {
    const ssize_t got = ::recv(descriptor_, arriving_.get(), read_at_once, MSG_DONTWAIT);
    const bool is_open = got > 0 || (got < 0 && would_block());
    if (got > 0) received_.append(arriving_.get(), static_cast<std::size_t>(got));
    return is_open;
}

std::optional<callbacks::JsonDict> PythonConnection::next() {
    const std::size_t left = received_.size() - taken_;
    const char* const begin = received_.data() + taken_;
    const std::size_t length = left >= length_bytes ? length_at(begin) : 0;
    if (length > frame_limit) throw BadFrame("sent a message of " + std::to_string(length) + " bytes");
    if (left < length_bytes + length) {
        // Only here: not for each of many messages that came together.
        received_.erase(0, taken_);
        taken_ = 0;
        if (received_.empty() && received_.capacity() > most_kept) received_ = std::string();
        return std::nullopt;
    }
    boost::json::parse_options options;
    options.max_depth = max_depth;
    boost::json::error_code error;
    callbacks::JsonValue value = boost::json::parse(boost::json::string_view(begin + length_bytes, length), error, {}, options);
    if (error) throw BadFrame("sent what isn't JSON: " + error.message());
    if (!value.is_object()) throw BadFrame("sent JSON that isn't an object");
    taken_ += length_bytes + length;
    return std::move(value.get_object());
}

bool PythonConnection::wait_until(time_point end, int other) const noexcept {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    const short wanted = has_unsent() ? POLLIN | POLLOUT : POLLIN;
    std::array<pollfd, 2> watched{pollfd{descriptor_, wanted, 0}, pollfd{other, POLLIN, 0}};
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    return ready > 0 || (ready < 0 && errno == EINTR);
}

}  // namespace modapi
