#include "http/connection_body.h"

#include "http/connection_limits.h"

#include <async/use_task.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <utility>

namespace homeserver {

using boost::asio::as_tuple;

std::optional<std::uint64_t> HttpConnection::Body::announced_size() const { return connection_.reader_->announced_size(); }

async::task<std::string> HttpConnection::Body::read() {
    watch_.reset();
    std::string part;
    std::exception_ptr failure;
    try {
        part = co_await connection_.read_part(source_);
    } catch (...) {
        failure = std::current_exception();
    }
    watch_.emplace(connection_.stream_.socket(), connection_.buffer_, source_, waits_);
    if (failure) std::rethrow_exception(failure);
    co_return part;
}

void HttpConnection::read_body_on() {
    const RequestReader::Progress progress = reader_->read(buffer_);
    if (progress == RequestReader::Progress::whole) body_ = BodyProgress::whole;
    if (progress == RequestReader::Progress::refused) body_ = BodyProgress::refused;
}

async::task<std::string> HttpConnection::read_part(async::cancellation_source& source) {
    stream_.expires_after(max_request);
    while (body_ == BodyProgress::incomplete) {
        read_body_on();
        if (body_ != BodyProgress::incomplete || reader_->part_size() >= IncomingBody::part_size) break;
        bool goes_on = true;
        if (!std::exchange(was_asked_for_body_, true) && reader_->waits_to_be_asked() && buffer_.size() == 0) {
            goes_on = co_await send_continue();
        }
        if (goes_on) {
            const Transferred more = co_await stream_.async_read_some(buffer_.prepare(read_size), as_tuple(async::use_task));
            goes_on = !std::get<0>(more);
            buffer_.commit(std::get<1>(more));
        }
        if (!goes_on) {
            source.request(async::cancel_reason::caller_gone);
            throw async::operation_cancelled(async::cancel_reason::caller_gone);
        }
    }
    stream_.expires_never();
    if (body_ == BodyProgress::refused) throw callbacks::SynapseError(reader_->refusal());
    co_return reader_->take_part();
}

async::task<bool> HttpConnection::send_parts() {
    std::uint64_t left = outgoing_body_->size();
    while (left != 0) {
        const std::string part = co_await outgoing_body_->read();
        if (part.empty() || part.size() > left) co_return false;
        left -= part.size();
        stream_.expires_after(max_response);
        const Transferred written =
            co_await boost::asio::async_write(stream_, boost::asio::buffer(part), as_tuple(async::use_task));
        if (std::get<0>(written)) co_return false;
    }
    co_return true;
}

}  // namespace homeserver
