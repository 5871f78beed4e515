#include "http/request_framing.h"

#include "http/request_handling.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

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

modapi::Response malformed() { return matrix_error(400, "Malformed HTTP request", callbacks::Codes::UNKNOWN); }

}  // namespace

std::optional<modapi::Response> framing_refusal(const http::request_header<>& header) {
    const auto [begin, end] = header.equal_range(http::field::transfer_encoding);
    if (begin == end) return std::nullopt;
    const bool is_ambiguous = std::next(begin) != end || header.count(http::field::content_length) != 0;
    if (is_ambiguous || header.version() < 11) return malformed();
    const std::string_view codings = without_blanks(begin->value());
    if (boost::beast::iequals(codings, "chunked")) return std::nullopt;
    const std::string_view before_last = codings.substr(0, codings.rfind(',') + 1);
    const bool is_chunked_once = boost::beast::iequals(last_of(codings), "chunked") && !before_last.empty() &&
                                 !http::token_list(before_last).exists("chunked");
    if (!is_chunked_once) return malformed();
    return matrix_error(501, "Transfer codings other than chunked are not supported", callbacks::Codes::UNKNOWN);
}

void ChunkExtensionLimit::operator()(std::uint64_t, boost::beast::string_view extensions, boost::beast::error_code& error) {
    taken_ += extensions.size();
    if (taken_ > max_chunk_extensions) error = http::error::bad_chunk_extension;
}

}  // namespace homeserver
