#include "http/request_framing.h"

#include "text/utf8.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace homeserver {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t max_chunk_extensions = 4096;  // all of one body together, in bytes

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The coding that was applied last: where the body ends is told by it alone.
std::string_view last_of(std::string_view codings) {
    const std::size_t comma = codings.rfind(',');
    return without_blanks(comma == std::string_view::npos ? codings : codings.substr(comma + 1));
}

callbacks::SynapseError malformed() { return {400, "Malformed HTTP request"}; }

}  // namespace

std::optional<callbacks::SynapseError> framing_refusal(const http::request_header<>& header) {
    const auto [begin, end] = header.equal_range(http::field::transfer_encoding);
    if (begin == end) return std::nullopt;
    const bool is_ambiguous = std::next(begin) != end || header.count(http::field::content_length) != 0;
    if (is_ambiguous || header.version() < 11) return malformed();
    const std::string_view codings = without_blanks(begin->value());
    if (equal_ignoring_case(codings, "chunked")) return std::nullopt;
    const std::string_view before_last = codings.substr(0, codings.rfind(',') + 1);
    const bool is_chunked_once = equal_ignoring_case(last_of(codings), "chunked") && !before_last.empty() &&
                                 !http::token_list(before_last).exists("chunked");
    if (!is_chunked_once) return malformed();
    return callbacks::SynapseError(501, "Transfer codings other than chunked are not supported");
}

bool has_line_of_chunk(std::string_view received) {
    if (received.starts_with("\r\n")) received.remove_prefix(2);
    const std::size_t size = received.find_first_not_of('0');
    const bool is_last_chunk =
        size == std::string_view::npos || std::isxdigit(static_cast<unsigned char>(received[size])) == 0;
    return !is_last_chunk && received.find("\r\n") != std::string_view::npos;
}

void ChunkExtensionLimit::operator()(std::uint64_t, boost::beast::string_view extensions, boost::beast::error_code& error) {
    taken_ += extensions.size();
    // In quotes Beast takes any byte, a line's end among them for whoever ends lines by LF alone.
    const bool is_text = std::none_of(extensions.begin(), extensions.end(),
                                      [](unsigned char byte) { return (byte < 0x20 && byte != '\t') || byte == 0x7F; });
    if (taken_ > max_chunk_extensions || !is_text) error = http::error::bad_chunk_extension;
}

}  // namespace homeserver
