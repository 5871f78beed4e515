#pragma once

#include <callbacks/errors.h>

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace homeserver {

/// What answers a request of which it isn't sure where its body ends (RFC 9112, section 6), so that nothing of it can be taken
/// for the next request; none: it is sure. Call it before the body is read; the connection ends after the refusal.
///
/// Refused with 400 `M_UNKNOWN`: a Transfer-Encoding beside a Content-Length, in HTTP/1.0, or of which chunked isn't the last;
/// with 501: codings below chunked. What is wrong with a Content-Length by itself, the parser refuses.
[[nodiscard]] std::optional<callbacks::SynapseError> framing_refusal(const boost::beast::http::request_header<>& header);

/// Bounds the extensions of one body's chunks, which no limit of the body counts, and refuses those that aren't one line of
/// text. Outlives the parser that it is given to with `on_chunk_header`.
class ChunkExtensionLimit {
public:
    void operator()(std::uint64_t chunk_size, boost::beast::string_view extensions, boost::beast::error_code& error);

private:
    std::size_t taken_ = 0;
};

}  // namespace homeserver
