#include "python_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

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
constexpr std::size_t most_kept = 256UL * 1024;      // of memory that isn't needed now
constexpr std::size_t parsed_at_once = 64UL * 1024;  // a longer message is parsed as it comes
constexpr std::size_t frames_at_once = 16;           // that one system call sends

std::array<char, length_bytes> length_of(std::size_t length) noexcept {
    std::array<char, length_bytes> bytes{};
    for (std::size_t at = 0; at < length_bytes; ++at)
        bytes[at] = static_cast<char>(length >> (8 * (length_bytes - 1 - at)) & 0xFF);
    return bytes;
}

std::size_t length_at(const char* bytes) noexcept {
    std::size_t length = 0;
    for (std::size_t at = 0; at < length_bytes; ++at) length = length << 8 | static_cast<unsigned char>(bytes[at]);
    return length;
}

bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

boost::json::parse_options usual_options() {
    boost::json::parse_options options;
    options.max_depth = max_depth;
    return options;
}

callbacks::JsonDict object_of(callbacks::JsonValue value, const boost::json::error_code& error) {
    if (error) throw BadFrame("sent what isn't JSON: " + error.message());
    if (!value.is_object()) throw BadFrame("sent JSON that isn't an object");
    return std::move(value.get_object());
}

}  // namespace

bool PythonConnection::send(const callbacks::JsonDict& message) { return send_text(boost::json::serialize(message)); }

bool PythonConnection::send_text(std::string text) {
    if (text.size() > frame_limit) {
        throw std::length_error("what the module is to be told has " + std::to_string(text.size()) +
                                " bytes, and a message has at most " + std::to_string(frame_limit));
    }
    const bool is_next = unsent_.empty();
    unsent_bytes_ += length_bytes + text.size();
    unsent_.push_back({length_of(text.size()), std::move(text)});
    return !is_next || flush();
}

bool PythonConnection::flush() noexcept {
    while (!unsent_.empty()) {
        std::array<iovec, 2 * frames_at_once> parts{};
        std::size_t count = 0;
        std::size_t skipped = sent_;
        const auto add = [&](std::string& text, std::array<char, length_bytes>* length) {
            char* const bytes = length != nullptr ? length->data() : text.data();
            const std::size_t size = length != nullptr ? length_bytes : text.size();
            const std::size_t skip = std::min(skipped, size);
            skipped -= skip;
            parts[count++] = {bytes + skip, size - skip};
        };
        for (Frame& frame : unsent_) {
            if (count == parts.size()) break;
            add(frame.text, &frame.length);
            add(frame.text, nullptr);
        }
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return would_block();
        note_sent(static_cast<std::size_t>(sent));
    }
    return true;
}

void PythonConnection::note_sent(std::size_t bytes) noexcept {
    unsent_bytes_ -= bytes;
    sent_ += bytes;
    while (!unsent_.empty() && sent_ >= length_bytes + unsent_.front().text.size()) {
        sent_ -= length_bytes + unsent_.front().text.size();
        unsent_.pop_front();
    }
}

bool PythonConnection::receive() {
    const ssize_t got = ::recv(descriptor_, arriving_.get(), read_at_once, MSG_DONTWAIT);
    const bool is_open = got > 0 || (got < 0 && would_block());
    if (got > 0) received_.append(arriving_.get(), static_cast<std::size_t>(got));
    return is_open;
}

std::optional<callbacks::JsonDict> PythonConnection::next() {
    if (long_one_) return next_part();
    const std::size_t left = received_.size() - taken_;
    const char* const begin = received_.data() + taken_;
    const std::size_t length = left >= length_bytes ? length_at(begin) : 0;
    if (length > frame_limit) throw BadFrame("sent a message of " + std::to_string(length) + " bytes");
    if (left < length_bytes + length) {
        if (length <= parsed_at_once) {
            drop_taken();
            return std::nullopt;
        }
        long_one_.emplace(boost::json::storage_ptr(), usual_options());
        missing_ = length;
        last_size_ = length;
        taken_ += length_bytes;
        return next_part();
    }
    boost::json::error_code error;
    callbacks::JsonValue value =
        boost::json::parse(boost::json::string_view(begin + length_bytes, length), error, {}, usual_options());
    taken_ += length_bytes + length;
    last_size_ = length;
    return object_of(std::move(value), error);
}

std::optional<callbacks::JsonDict> PythonConnection::next_part() {
    const std::size_t part = std::min(missing_, received_.size() - taken_);
    boost::json::error_code error;
    if (part > 0) long_one_->write(received_.data() + taken_, part, error);
    taken_ += part;
    missing_ -= part;
    if (!error && missing_ > 0) {
        drop_taken();
        return std::nullopt;
    }
    if (!error) long_one_->finish(error);
    callbacks::JsonValue value = error ? callbacks::JsonValue() : long_one_->release();
    long_one_.reset();
    return object_of(std::move(value), error);
}

/// Only where nothing is left: not for each of many messages that came together.
void PythonConnection::drop_taken() {
    received_.erase(0, taken_);
    taken_ = 0;
    if (received_.empty() && received_.capacity() > most_kept) received_ = std::string();
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
