#pragma once

#include "http/request_framing.h"

#include <modapi/web_resource.h>

#include <callbacks/errors.h>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// Makes one request of the bytes that a client sends, however they are cut; knows nothing of sockets.
///
///     RequestReader reader;
///     RequestReader::Progress progress = reader.read(received);   // again for every part that comes
///     if (progress == RequestReader::Progress::whole) answer(reader.take());
///
/// Bounded, whatever is sent: the header by `max_header`, the body by `max_body`, each chunk's header and the trailers by
/// `max_around_chunk`, all that surrounds a body's chunks by `max_body` or, if that is more, by what they have. A body that is
/// taken in parts is bounded by whoever takes it. Memory grows with what has come, never with what was announced. Trailers are
/// read and forgotten. Framing is that of RFC 9112, sections 5 to 7, where it leaves a choice the refusal: lines end by CRLF
/// alone, and none goes on in the next.
class RequestReader {
public:
    static constexpr std::size_t max_header = 64 * 1024;
    static constexpr std::uint64_t max_body = 10 * 1024 * 1024;
    static constexpr std::size_t max_around_chunk = 16 * 1024;

    enum class Progress {
        needs_more,
        header,   ///< is whole, its body isn't: told once, also if that is refused next
        whole,    ///< what is left of the bytes is the next request's
        refused,  ///< nothing that follows can be taken for a request
    };

    RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    /// Takes from `received` what belongs to the request. Not after `whole` or `refused`.
    [[nodiscard]] Progress read(boost::beast::flat_buffer& received);

    /// Whether the client waits with a body that is taken until it is asked for it. From `header` on.
    [[nodiscard]] bool waits_to_be_asked() const;
    /// The request without its body. From `header` on, until it is taken.
    [[nodiscard]] const modapi::Request& header() const noexcept { return request_; }
    /// How long the header says that the body is; none: it comes in chunks. From `header` or `whole` on.
    [[nodiscard]] std::optional<std::uint64_t> announced_size() const;
    /// Whether the client goes on after the answer. From `header` on.
    [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }
    /// The request but for the client's address. Once, after `whole`, or, without its body, after take_in_parts.
    [[nodiscard]] modapi::Request take();

    /// Lifts the limit of the body, which `take_part` gives as it comes. After `header`, before anything more is read.
    void take_in_parts() noexcept { is_in_parts_ = true; }
    /// How much of the body has come since the last part was taken, in bytes.
    [[nodiscard]] std::size_t part_size() const { return parser_.get().body().size(); }
    [[nodiscard]] std::string take_part();

    /// After `refused`: what is answered, and why in words for the log.
    [[nodiscard]] const callbacks::SynapseError& refusal() const { return *refusal_; }
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
    /// A body that grows as it comes: Beast's own would make room for all that is announced.
    struct Body {
        using value_type = std::string;
        class reader {
        public:
            template <bool is_request, class Fields>
            reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}
            void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) { error = {}; }
            template <class Buffers>
            std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
                error = {};
                const std::size_t before = body_.size();
                for (const boost::asio::const_buffer part : boost::beast::buffers_range_ref(buffers))
                    body_.append(static_cast<const char*>(part.data()), part.size());
                return body_.size() - before;
            }
            void finish(boost::system::error_code& error) { error = {}; }

        private:
            value_type& body_;
        };
    };

    [[nodiscard]] Progress read_header(boost::beast::flat_buffer& received);
    /// Decides about the body by what the header says of it.
    [[nodiscard]] Progress begin_body();
    [[nodiscard]] Progress read_body(boost::beast::flat_buffer& received);
    [[nodiscard]] bool is_too_large() const;
    /// The length of the header at the front of `bytes`; none: it isn't whole, or was refused.
    [[nodiscard]] std::optional<std::size_t> header_length(std::string_view bytes);
    Progress refuse(callbacks::SynapseError refusal, std::string reason);
    Progress refuse(const boost::system::error_code& error);
    Progress refuse_malformed(std::string reason);

    boost::beast::http::request_parser<Body> parser_;
    ChunkExtensionLimit chunk_extensions_;
    std::size_t line_begin_ = 0;       ///< of the header's line that isn't whole
    std::size_t scanned_ = 0;          ///< bytes without the end of that line
    bool skipped_empty_line_ = false;  ///< in front of the request
    bool is_in_parts_ = false;
    bool has_begun_body_ = false;
    std::uint64_t taken_of_body_ = 0;   ///< with what surrounds its chunks
    std::uint64_t given_in_parts_ = 0;  ///< of the body
    modapi::Request request_;  ///< its header, from before any trailer
    bool keeps_alive_ = false;
    std::optional<callbacks::SynapseError> refusal_;
    std::string reason_;
};

}  // namespace homeserver
