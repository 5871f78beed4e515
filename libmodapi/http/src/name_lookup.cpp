#include "name_lookup.h"

#include <async/notification.h>

#include <memory>
#include <utility>

namespace modapi {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// A lookup that runs: lives until both its operation and its waiter are done with it.
struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor) {}

    tcp::resolver resolver;
    async::notification ended;
    bool has_ended = false;
    boost::system::error_code error;
    std::vector<tcp::endpoint> found;
};

}  // namespace

async::task<std::vector<tcp::endpoint>> look_up(const std::string& host, std::uint16_t port) {
    const async::context& here = co_await async::this_context;
    boost::system::error_code no_address;
    const asio::ip::address literal = asio::ip::make_address(host, no_address);
    if (!no_address) {
        std::vector<tcp::endpoint> one;
        one.emplace_back(literal, port);
        co_return one;
    }
    const auto lookup = std::make_shared<Lookup>(here.executor());
    lookup->resolver.async_resolve(
        host, std::to_string(port), tcp::resolver::numeric_service,
        [lookup](const boost::system::error_code& error, const tcp::resolver::results_type& results) {
            lookup->error = error;
            for (const auto& result : results) lookup->found.push_back(result.endpoint());
            lookup->has_ended = true;
            lookup->ended.notify_all();
        });
    while (!lookup->has_ended) co_await lookup->ended.wait();
    // Asio notes in an error where in its sources it happened, which the message would say too.
    const boost::system::error_code& error = lookup->error;
    if (error) throw boost::system::system_error(boost::system::error_code(error.value(), error.category()), host);
    co_return std::move(lookup->found);
}

}  // namespace modapi
