#pragma once

#include <callbacks/json.h>
#include <callbacks/open_fields.h>

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace callbacks {

/// Bytes of JSON text that only grow at their end; kept from use to use, so that a steady state allocates nothing.
///
/// Cost: an append is a bounds check and a copy; a string is copied 16 bytes at a time while nothing in it needs an escape.
/// Text is written as boost::json::serialize writes it: UTF-8 unchanged, the two-letter escapes, \u00XX for other controls.
class JsonBuffer {
public:
    JsonBuffer() noexcept = default;
    JsonBuffer(JsonBuffer&& other) noexcept
        : bytes_(std::exchange(other.bytes_, detail::GrowingText())) {}
    JsonBuffer& operator=(JsonBuffer&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~JsonBuffer();

    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.begin, size()}; }
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(bytes_.end - bytes_.begin); }
    [[nodiscard]] char* data() noexcept { return bytes_.begin; }
    /// Forgets what comes after the first `kept` bytes; the memory stays.
    void cut(std::size_t kept) noexcept { bytes_.end = bytes_.begin + kept; }

    /// A buffer grows to this size; then std::length_error is thrown and nothing of it is lost.
    static constexpr std::size_t max_bytes = std::size_t(1) << 30;
    [[deprecated("is named max_bytes")]] static constexpr std::size_t most_bytes = max_bytes;
    /// Room for `bytes` more at the returned place; `commit` says up to where it was used.
    [[nodiscard]] char* reserve(std::size_t bytes) {
        if (!has_room(bytes)) [[unlikely]]
            grow(bytes);
        return bytes_.end;
    }
    /// Whether `bytes` more can be written at `end()`, as after `reserve`.
    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept { return bytes_.has_room(bytes); }
    [[nodiscard]] char* end() noexcept { return bytes_.end; }
    /// What was written from the former end() to `end` belongs to the buffer now.
    void commit(char* end) noexcept { bytes_.end = end; }
    /// For who writes where it can't see this class.
    [[nodiscard]] detail::GrowingText& growing() noexcept { return bytes_; }

    /// As it is: the caller vouches for it being JSON.
    void append(std::string_view json) {
        char* const at = reserve(json.size());
        if (!json.empty()) std::memcpy(at, json.data(), json.size());
        commit(at + json.size());
    }
    /// Appends what is JSON already.
    void append(char json) {
        char* const at = reserve(1);
        *at = json;
        commit(at + 1);
    }

    /// A string with its quotes.
    void string(std::string_view text) {
        char* const at = reserve(text.size() + 2);
        *at = '"';
        if (copy_plain(at + 1, text)) [[likely]] {
            at[text.size() + 1] = '"';
            commit(at + text.size() + 2);
        } else {
            escaped_string(text);
        }
    }
    /// An integer.
    void number(std::int64_t number) { commit(put_number(reserve(room_for_integer), number)); }
    /// An integer without sign.
    void number(std::uint64_t number) { commit(put_number(reserve(room_for_integer), number)); }
    /// With a point or an exponent, so that it stays a double. What JSON can't say (infinity, NaN) becomes null.
    void number(double number);
    /// `true` or `false`.
    void boolean(bool flag) { append(flag ? std::string_view("true") : std::string_view("false")); }
    void null() { append(std::string_view("null")); }
    /// A whole value, an array, an object.
    void value(const JsonValue& value);
    /// A whole array.
    void array(const JsonArray& values);
    /// A whole object.
    void object(const JsonDict& members);
    /// A value of any of these kinds: a string, a number, a boolean, null, a JSON value, array or object.
    template <class Value>
    void write(const Value& value) {
        if constexpr (std::is_same_v<Value, bool>) {
            boolean(value);
        } else if constexpr (std::is_same_v<Value, JsonDict>) {
            object(value);
        } else if constexpr (std::is_same_v<Value, JsonArray>) {
            array(value);
        } else if constexpr (std::is_same_v<Value, JsonValue>) {
            this->value(value);
        } else if constexpr (std::signed_integral<Value>) {
            number(static_cast<std::int64_t>(value));
        } else if constexpr (std::unsigned_integral<Value>) {
            number(static_cast<std::uint64_t>(value));
        } else if constexpr (std::floating_point<Value>) {
            number(static_cast<double>(value));
        } else if constexpr (std::is_null_pointer_v<Value>) {
            null();
        } else {
            string(std::string_view(value));
        }
    }

    /// Copies `text`, at most a few dozen bytes, without a call; writes nothing beyond `to + text.size()`.
    static void copy(char* to, std::string_view text) noexcept {
        const char* const from = text.data();
        const std::size_t size = text.size();
        if (size >= sizeof(SixteenBytes)) return overlap_blocks<SixteenBytes>(to, from, size);
        if (size >= sizeof(std::uint64_t)) return overlap_blocks<std::uint64_t>(to, from, size);
        if (size >= sizeof(std::uint32_t)) return overlap_blocks<std::uint32_t>(to, from, size);
        if (size > 0) copy_up_to_three(to, from, size);
    }
    /// Copies `text` and says whether all of it could stay as it is; writes nothing beyond `to + text.size()`. The last block
    /// overlaps the one before it, so that no byte is looked at alone.
    static bool copy_plain(char* to, std::string_view text) noexcept {
        const char* const from = text.data();
        const std::size_t size = text.size();
#ifdef __SSE2__
        if (size >= sizeof(SixteenBytes)) return copy_blocks<SixteenBytes>(to, from, size);
        if (size >= sizeof(std::uint64_t)) return copy_halves<std::uint64_t>(to, from, size);
        if (size >= sizeof(std::uint32_t)) return copy_halves<std::uint32_t>(to, from, size);
#else
        if (size >= sizeof(std::uint64_t)) return copy_blocks<std::uint64_t>(to, from, size);
        if (size >= sizeof(std::uint32_t)) return copy_blocks<std::uint32_t>(to, from, size);
#endif
        if (size == 0) return true;
        copy_up_to_three(to, from, size);
        return !needs_escape(from[0]) && !needs_escape(from[size / 2]) && !needs_escape(from[size - 1]);
    }
    /// What `put_number` may write to; not all of it belongs to the number.
    static constexpr std::size_t room_for_integer = 32;
    /// Writes an integer at `to` and returns the end of it.
    static char* put_number(char* to, std::uint64_t number) noexcept {
        constexpr std::uint64_t eight_digits = 100'000'000;
        if (number < eight_digits) [[likely]]
            return put_leading(to, number);
        if (number < eight_digits * eight_digits) {
            to = put_leading(to, number / eight_digits);
        } else {
            to = put_leading(to, number / (eight_digits * eight_digits));
            to = put_eight(to, number / eight_digits % eight_digits);
        }
        return put_eight(to, number % eight_digits);
    }
    /// Writes the digits at `to`, where `room_for_integer` bytes are. Gives the end.
    static char* put_number(char* to, std::int64_t number) noexcept {
        const auto positive = static_cast<std::uint64_t>(number);
        if (number >= 0) [[likely]]
            return put_number(to, positive);
        *to = '-';
        return put_number(to + 1, ~positive + 1);
    }

private:
    /// Eight decimal digits as bytes, the first one lowest: halves, quarters and digits are divided all at once.
    static std::uint64_t digits_of(std::uint64_t number) noexcept {
        const std::uint64_t halves = number / 10'000 | (number % 10'000) << 32;
        const std::uint64_t hundreds = ((halves * 10'486) >> 20) & 0x0000'007f'0000'007fU;
        const std::uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
        const std::uint64_t tens = ((pairs * 103) >> 10) & 0x000f'000f'000f'000fU;
        return tens | (pairs - tens * 10) << 8;
    }
    static char* put_eight(char* to, std::uint64_t number) noexcept {
        const std::uint64_t text = little_endian(digits_of(number) + 0x3030'3030'3030'3030U);
        std::memcpy(to, &text, sizeof(text));
        return to + sizeof(text);
    }
    /// Up to eight decimal digits without leading zeros; the last digit stays.
    static char* put_leading(char* to, std::uint64_t number) noexcept {
        const std::uint64_t digits = digits_of(number);
        const int zeros = std::countr_zero(digits | std::uint64_t(1) << 56) / 8;
        const std::uint64_t text = little_endian((digits + 0x3030'3030'3030'3030U) >> (8 * zeros));
        std::memcpy(to, &text, sizeof(text));
        return to + sizeof(text) - zeros;
    }
    static std::uint64_t little_endian(std::uint64_t bytes) noexcept {
        if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
        return bytes;
    }
    struct SixteenBytes {
        char bytes[16];
    };

    static void copy_up_to_three(char* to, const char* from, std::size_t size) noexcept {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
    template <class Block>
    static void overlap_blocks(char* to, const char* from, std::size_t size) noexcept {
        const std::size_t last = size - sizeof(Block);
        for (std::size_t at = 0; at < last; at += sizeof(Block)) std::memcpy(to + at, from + at, sizeof(Block));
        std::memcpy(to + last, from + last, sizeof(Block));
    }
#ifdef __SSE2__
    /// Not 0: a byte needs an escape.
    static int special_bytes(__m128i bytes) noexcept {
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
        const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        return _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)));
    }
    /// One or two halves, which are looked at together.
    template <class Half>
    static bool copy_halves(char* to, const char* from, std::size_t size) noexcept {
        const std::size_t last = size - sizeof(Half);
        Half first_half = 0;
        Half last_half = 0;
        std::memcpy(&first_half, from, sizeof(Half));
        std::memcpy(&last_half, from + last, sizeof(Half));
        std::memcpy(to, &first_half, sizeof(Half));
        std::memcpy(to + last, &last_half, sizeof(Half));
        if constexpr (sizeof(Half) == sizeof(std::uint64_t)) {
            return special_bytes(_mm_set_epi64x(static_cast<long long>(last_half), static_cast<long long>(first_half))) == 0;
        } else {
            const auto bytes = static_cast<long long>(first_half | std::uint64_t(last_half) << 32);
            return special_bytes(_mm_set1_epi64x(bytes)) == 0;
        }
    }
#endif
    template <class Block>
    static bool copy_blocks(char* to, const char* from, std::size_t size) noexcept {
        const std::size_t last = size - sizeof(Block);
        auto special = copy_block<Block>(to + last, from + last);
        for (std::size_t at = 0; at < last; at += sizeof(Block)) special |= copy_block<Block>(to + at, from + at);
        return special == 0;
    }
    static bool needs_escape(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }
    /// Not 0: a byte of the block needs an escape.
    template <class Block>
    static auto copy_block(char* to, const char* from) noexcept {
#ifdef __SSE2__
        if constexpr (std::is_same_v<Block, SixteenBytes>) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
            return special_bytes(bytes);
        } else
#endif
        {
            constexpr Block ones = static_cast<Block>(~Block(0)) / 0xff;
            Block bytes = 0;
            std::memcpy(&bytes, from, sizeof(Block));
            std::memcpy(to, &bytes, sizeof(Block));
            const Block quote = bytes ^ (ones * '"');
            const Block backslash = bytes ^ (ones * '\\');
            return (((bytes - ones * 0x20) & ~bytes) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) &
                   (ones * 0x80);
        }
    }
    [[gnu::cold]] void grow(std::size_t bytes);
    [[gnu::cold]] void escaped_string(std::string_view text);

    detail::GrowingText bytes_;
};

}  // namespace callbacks
