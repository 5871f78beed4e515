#include "http/request_reader.h"

#include "text/utf8.h"

#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

namespace http = boost::beast::http;

std::string_view text_in(const boost::beast::flat_buffer& received) {
    return {static_cast<const char*>(received.data().data()), received.size()};
}

bool begins_with_blank(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

/// What else a first line has the whole header is needed for.
bool may_be_request_line(std::string_view line) { return line.ends_with(" HTTP/1.1") || line.ends_with(" HTTP/1.0"); }

}  // namespace

RequestReader::RequestReader() {
    parser_.eager(true);
    parser_.header_limit(max_header);
    parser_.body_limit(boost::none);  // begin_body has one
    parser_.on_chunk_header(chunk_extensions_);
}

RequestReader::Progress RequestReader::read(boost::beast::flat_buffer& received) {
    if (!parser_.is_header_done()) return read_header(received);
    if (!has_begun_body_) {
        const Progress progress = begin_body();
        if (progress == Progress::refused) return progress;
    }
    return read_body(received);
}

RequestReader::Progress RequestReader::read_header(boost::beast::flat_buffer& received) {
    // Some clients end a body by a line that they don't count (RFC 9112, section 2.2).
    if (!skipped_empty_line_ && text_in(received).starts_with("\r\n")) {
        received.consume(2);
        skipped_empty_line_ = true;
    }
    const std::optional<std::size_t> length = header_length(text_in(received));
    if (refusal_) return Progress::refused;
    if (length.value_or(received.size()) > max_header) return refuse(http::error::header_limit);
    if (!length) return Progress::needs_more;
    boost::system::error_code error;
    parser_.put(boost::asio::buffer(received.data(), *length), error);
    if (error == http::error::need_more) error = {};  // of the body
    if (error) return refuse(error);
    if (!parser_.is_header_done()) return refuse_malformed("its header has no end where it should");
    received.consume(*length);
    const http::request_header<>& header = parser_.get();
    if (std::optional<callbacks::SynapseError> refusal = framing_refusal(header))
        return refuse(std::move(*refusal), "the end of its body isn't certain");
    if (header.count(http::field::host) > 1) return refuse_malformed("it is to several hosts");
    request_ = modapi::Request::of(std::string(header.method_string()), std::string(header.target()));
    for (const auto& field : header) request_.headers.emplace_back(field.name_string(), field.value());
    keeps_alive_ = parser_.get().keep_alive();
    return parser_.is_done() ? Progress::whole : Progress::header;
}

std::optional<std::size_t> RequestReader::header_length(std::string_view bytes) {
    for (;;) {
        const std::size_t end = bytes.find('\n', scanned_);
        if (end == std::string_view::npos) {
            scanned_ = bytes.size();
            return std::nullopt;
        }
        std::string_view line = bytes.substr(line_begin_, end - line_begin_);
        const bool is_first = line_begin_ == 0;
        line_begin_ = end + 1;
        scanned_ = line_begin_;
        // What takes a lone CR or LF, or the beginning of a line, for something else sees another header than this server.
        if (!line.ends_with('\r') || line.find('\r') != line.size() - 1) {
            refuse_malformed("a line of its header doesn't end by CRLF");
            return std::nullopt;
        }
        line.remove_suffix(1);
        if (is_first ? !may_be_request_line(line) : begins_with_blank(line)) {
            refuse_malformed(is_first ? "it doesn't begin with a request line of HTTP/1"
                                      : "a line of its header goes on in the next");
            return std::nullopt;
        }
        if (line.empty()) return line_begin_;
    }
}

RequestReader::Progress RequestReader::begin_body() {
    has_begun_body_ = true;
    if (is_too_large()) return refuse(http::error::body_limit);
    if (!is_in_parts_) parser_.body_limit(max_body);
    return Progress::needs_more;
}

bool RequestReader::is_too_large() const { return !is_in_parts_ && announced_size().value_or(0) > max_body; }

RequestReader::Progress RequestReader::read_body(boost::beast::flat_buffer& received) {
    if (received.size() == 0) return Progress::needs_more;
    // Beast asserts that the line of a last chunk never comes to it without what follows.
    if (parser_.chunked() && std::string_view("0\r\n\r").starts_with(text_in(received))) return Progress::needs_more;
    boost::system::error_code error;
    const std::size_t taken = parser_.put(received.data(), error);
    received.consume(taken);
    taken_of_body_ += taken;
    if (error == http::error::need_more) {
        if (parser_.chunked() && has_line_of_chunk(text_in(received)))
            return refuse_malformed("a chunk's extension goes on in the next line");
        error = {};
    }
    if (error) return refuse(error);
    if (parser_.is_done()) return Progress::whole;
    const std::uint64_t size = given_in_parts_ + part_size();
    if (received.size() >= max_around_chunk || taken_of_body_ - size > std::max(max_body, size))
        return refuse_malformed("too much surrounds the chunks of its body");
    return Progress::needs_more;
}

bool RequestReader::waits_to_be_asked() const {
    const http::request_header<>& header = parser_.get();
    return header.version() >= 11 && !is_too_large() && equal_ignoring_case(header[http::field::expect], "100-continue");
}

std::optional<std::uint64_t> RequestReader::announced_size() const {
    if (parser_.chunked()) return std::nullopt;
    return parser_.content_length().value_or(0);
}

modapi::Request RequestReader::take() {
    request_.body = std::move(parser_.get().body());
    return std::move(request_);
}

std::string RequestReader::take_part() {
    given_in_parts_ += part_size();
    return std::exchange(parser_.get().body(), std::string());
}

RequestReader::Progress RequestReader::refuse(callbacks::SynapseError refusal, std::string reason) {
    refusal_ = std::move(refusal);
    reason_ = std::move(reason);
    return Progress::refused;
}

RequestReader::Progress RequestReader::refuse(const boost::system::error_code& error) {
    using callbacks::Codes;
    using callbacks::SynapseError;
    if (error == http::error::body_limit)
        return refuse(SynapseError(413, "Request body is larger than 10 MiB", Codes::TOO_LARGE), error.message());
    if (error == http::error::header_limit)
        return refuse(SynapseError(431, "Request header is too large", Codes::TOO_LARGE), error.message());
    return refuse_malformed(error.message());
}

RequestReader::Progress RequestReader::refuse_malformed(std::string reason) {
    return refuse(callbacks::SynapseError(400, "Malformed HTTP request"), std::move(reason));
}

}  // namespace homeserver
