#pragma once

#include <callbacks/errors.h>

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace homeserver {

/// What answers a request of which it isn't sure where its body ends (RFC 9112, section 6), so that nothing of it can be taken
/// for the next request; none: it is sure. Call it before the body is read; the connection ends after the refusal.
///
/// Refused with 400 `M_UNKNOWN`: a Transfer-Encoding beside a Content-Length, in HTTP/1.0, or of which chunked isn't the last;
/// with 501: codings below chunked. What is wrong with a Content-Length by itself, the parser refuses.
[[nodiscard]] std::optional<callbacks::SynapseError> framing_refusal(const boost::beast::http::request_header<>& header);

/// Whether the bytes begin with the whole first line of a chunk that isn't the last, after the CRLF of the chunk before it.
/// Beast asks for more than that only for a quoted extension that goes on in the next line, and counts the chunk again for
/// every part that comes then.
[[nodiscard]] bool has_line_of_chunk(std::string_view received);

/// Bounds the extensions of one body's chunks, which no limit of the body counts, and refuses those that aren't one line of
/// text. Outlives the parser that it is given to with `on_chunk_header`.
class ChunkExtensionLimit {
public:
    void operator()(std::uint64_t chunk_size, boost::beast::string_view extensions, boost::beast::error_code& error);

private:
    std::size_t taken_ = 0;
};

}  // namespace homeserver
