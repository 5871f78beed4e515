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
    async::cancellation_source* waits;  ///< null: a client that has finished counts as gone
    bool ended = false;
    bool peer_is_gone = false;
    bool peer_has_finished = false;
};

PeerWatch::PeerWatch(boost::asio::ip::tcp::socket& socket, boost::beast::flat_buffer& received,
                     async::cancellation_source& cancelled)
    : state_(std::make_shared<State>(State{socket, received, cancelled, nullptr})) {
    boost::system::error_code error;
    socket.non_blocking(true, error);
    if (!error) wait(state_);
}

PeerWatch::PeerWatch(boost::asio::ip::tcp::socket& socket, boost::beast::flat_buffer& received,
                     async::cancellation_source& cancelled, async::cancellation_source& waits)
    : PeerWatch(socket, received, cancelled) {
    state_->waits = &waits;
}

PeerWatch::~PeerWatch() {
    state_->ended = true;
    boost::system::error_code ignored;  // NOLINT: a socket that can't cancel is closed already
    state_->socket.cancel(ignored);
}

bool PeerWatch::peer_has_finished() const noexcept { return state_->peer_has_finished; }

void PeerWatch::wait(const std::shared_ptr<State>& state) {
    // Behind the end of what the client sends there would always be something to read: that end.
    const auto awaited =
        state->peer_has_finished ? boost::asio::ip::tcp::socket::wait_error : boost::asio::ip::tcp::socket::wait_read;
    state->socket.async_wait(awaited, [state](const boost::system::error_code& error) { go_on(state, error); });
}

void PeerWatch::go_on(const std::shared_ptr<State>& state, const boost::system::error_code& error) {
    if (state->ended || error == boost::asio::error::operation_aborted) return;
    try {
        if (error || state->peer_has_finished) {
            state->peer_is_gone = true;
        } else {
            look(*state);
        }
        if (!state->peer_is_gone) {
            const bool has_just_finished = state->peer_has_finished;
            if (state->received.size() < max_received_ahead) wait(state);
            if (has_just_finished) state->waits->request(async::cancel_reason::caller_gone);
            return;
        }
    } catch (...) {
        // No memory is left: what can't be watched is ended, and nobody else's work is.
        state->peer_is_gone = true;
    }
    state->cancelled.request(async::cancel_reason::caller_gone);
}

/// Takes what is there, without waiting for more.
void PeerWatch::look(State& state) {
    boost::system::error_code error;
    const std::size_t size = state.socket.read_some(state.received.prepare(watched_read_size), error);
    state.received.commit(size);
    if (!error || error == boost::asio::error::would_block || error == boost::asio::error::try_again) return;
    state.peer_has_finished = error == boost::asio::error::eof && state.waits != nullptr;
    state.peer_is_gone = !state.peer_has_finished;
}

}  // namespace modapi
