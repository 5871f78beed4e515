#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace modapi {

/// One line on stderr when the log can't be used: in a signal handler, without memory, or while somebody holds it. In the log's form,
/// "2026-11-28T16:47:37.123+00:00 critical ". Allocates nothing, locks nothing; what doesn't fit is cut off.
class RawLine {
public:
    /// `level` as the log has it; empty: the line has neither time nor level.
    explicit RawLine(std::string_view level) noexcept;

    RawLine& operator<<(std::string_view text) noexcept;
    RawLine& operator<<(std::int64_t number) noexcept;
    /// Ends the line and writes it, once.
    void write() noexcept;

    /// Lines begin as the log's default form has it, "[2026-11-28 16:47:37.123] [critical] ", unless this was called.
    static void without_brackets() noexcept;

private:
    void append_padded(std::int64_t number, int digits) noexcept;
    void append_time(bool bracketed) noexcept;

    static constexpr std::size_t max_size = 2000;
    std::array<char, max_size + 1> text_;
    std::size_t size_ = 0;
};

}  // namespace modapi
