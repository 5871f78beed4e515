#include <modapi/hosting/peer_watch.h>

#include <boost/asio/error.hpp>

namespace modapi {

namespace {

constexpr std::size_t max_received_ahead = 64 * 1024;
constexpr std::size_t watched_read_size = 8 * 1024;

}  // namespace

struct PeerWatch::State {
    boost::asio::ip::tcp::socket& socket;
    boost::beast::flat_buffer& received;
    async::cancellation_source& cancelled;
    bool ended = false;
    bool peer_is_gone = false;
};

PeerWatch::PeerWatch(boost::asio::ip::tcp::socket& socket, boost::beast::flat_buffer& received,
                     async::cancellation_source& cancelled)
    : state_(std::make_shared<State>(State{socket, received, cancelled})) {
    boost::system::error_code error;
    socket.non_blocking(true, error);
    if (!error) wait(state_);
}

PeerWatch::~PeerWatch() {
    state_->ended = true;
    boost::system::error_code ignored;  // NOLINT: a socket that can't cancel is closed already
    state_->socket.cancel(ignored);
}

void PeerWatch::wait(const std::shared_ptr<State>& state) {
    state->socket.async_wait(boost::asio::ip::tcp::socket::wait_read, [state](const boost::system::error_code& error) {
        if (state->ended || error == boost::asio::error::operation_aborted) return;
        if (!error) look(*state);
        if (error || state->peer_is_gone) {
            state->cancelled.request(async::cancel_reason::caller_gone);
        } else if (state->received.size() < max_received_ahead) {
            wait(state);
        }
    });
}

/// Takes what is there, without waiting for more.
void PeerWatch::look(State& state) {
    boost::system::error_code error;
    const std::size_t size = state.socket.read_some(state.received.prepare(watched_read_size), error);
    state.received.commit(size);
    state.peer_is_gone = error && error != boost::asio::error::would_block && error != boost::asio::error::try_again;
}

}  // namespace modapi
