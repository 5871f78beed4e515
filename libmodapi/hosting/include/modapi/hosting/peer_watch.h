#pragma once

#include <async/cancellation.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>

namespace modapi {

/// Looks after the other end of a connection while nobody reads from it: a client that goes away cancels its request.
///
///     async::cancellation_source source(outer.cancellation);
///     async::context inner = outer;
///     inner.end_with(source);
///     const modapi::PeerWatch watch(socket, received, source);
///     co_await std::move(handling).in(inner);       // throws async::operation_cancelled if the client went away
///
/// A callback that runs is not cut by that: dispatchers keep `caller_gone` from it.
///
/// A client that only says that it sends nothing any more may wait for its answer, or be gone: nothing tells which. With
/// `waits` its request goes on and only what waits for news ends; without, it counts as gone.
///
/// What the client sends meanwhile, its next requests, is kept in `received`, up to a limit; behind that nothing is watched any
/// more. Thread: the connection's. Lifetime: socket, buffer and sources live until the watch ends.
class PeerWatch {
public:
    PeerWatch(boost::asio::ip::tcp::socket& socket, boost::beast::flat_buffer& received, async::cancellation_source& cancelled);
    /// `waits` is requested, for caller_gone, when the client sends nothing any more; most often a child of `cancelled`.
    PeerWatch(boost::asio::ip::tcp::socket& socket, boost::beast::flat_buffer& received, async::cancellation_source& cancelled,
              async::cancellation_source& waits);
    /// After this nothing is touched any more.
    ~PeerWatch();
    PeerWatch(const PeerWatch&) = delete;
    PeerWatch& operator=(const PeerWatch&) = delete;

    /// Whether the client has sent all that it ever will.
    [[nodiscard]] bool peer_has_finished() const noexcept;

private:
    struct State;
    static void wait(const std::shared_ptr<State>& state);
    static void look(State& state);
    static void go_on(const std::shared_ptr<State>& state, const boost::system::error_code& error);

    std::shared_ptr<State> state_;
};

}  // namespace modapi
