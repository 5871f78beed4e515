#include "raw_line.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>

namespace modapi {

namespace {

std::atomic<bool> has_brackets{true};

}  // namespace

RawLine::RawLine(std::string_view level) noexcept {
    if (level.empty()) return;
    const bool bracketed = has_brackets.load(std::memory_order_relaxed);
    append_time(bracketed);
    *this << (bracketed ? "[" : "") << level << (bracketed ? "] " : " ");
}

RawLine& RawLine::operator<<(std::string_view text) noexcept {
    // Names and messages of others come along: they must not begin lines of their own.
    for (const char character : text.substr(0, max_size - size_)) {
        const bool is_control = static_cast<unsigned char>(character) < 0x20 || character == 0x7F;
        text_[size_++] = is_control ? ' ' : character;
    }
    return *this;
}

RawLine& RawLine::operator<<(std::int64_t number) noexcept {
    append_padded(number, 1);
    return *this;
}

void RawLine::append_padded(std::int64_t number, int digits) noexcept {
    std::array<char, 20> written;
    std::size_t at = written.size();
    std::uint64_t rest = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    for (int written_digits = 0; rest != 0 || written_digits < digits; ++written_digits, rest /= 10)
        written[--at] = static_cast<char>('0' + rest % 10);
    if (number < 0) *this << "-";
    *this << std::string_view(written.data() + at, written.size() - at);
}

/// By hand, in UTC: the C library's functions lock and may read files.
void RawLine::append_time(bool bracketed) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    constexpr std::int64_t seconds_of_day = 24 * 3600;
    const std::int64_t second = now.tv_sec % seconds_of_day;
    // Days since 0000-03-01, of which each 400 years have the same number; a year that begins in March ends with its leap day.
    const std::int64_t days = now.tv_sec / seconds_of_day + 719468;
    const std::int64_t of_era = days % 146097;
    const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted_month = (5 * of_year + 2) / 153;
    const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    const std::int64_t year = days / 146097 * 400 + year_of_era + (month <= 2 ? 1 : 0);
    if (bracketed) *this << "[";
    append_padded(year, 4);
    *this << "-";
    append_padded(month, 2);
    *this << "-";
    append_padded(of_year - (153 * shifted_month + 2) / 5 + 1, 2);
    *this << (bracketed ? " " : "T");
    append_padded(second / 3600, 2);
    *this << ":";
    append_padded(second / 60 % 60, 2);
    *this << ":";
    append_padded(second % 60, 2);
    *this << ".";
    append_padded(now.tv_nsec / 1000000, 3);
    *this << (bracketed ? "] " : "+00:00 ");
}

void RawLine::write() noexcept {
    text_[size_++] = '\n';
    for (std::size_t written = 0; written < size_;) {
        const ssize_t count = ::write(STDERR_FILENO, text_.data() + written, size_ - written);
        if (count <= 0) break;
        written += static_cast<std::size_t>(count);
    }
    size_ = 0;
}

void RawLine::without_brackets() noexcept { has_brackets.store(false, std::memory_order_relaxed); }

}  // namespace modapi
