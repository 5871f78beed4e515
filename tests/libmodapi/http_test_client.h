#pragma once

#include <modapi/http_client.h>

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>

#include <exception>
#include <string>
#include <utility>

/// One for all clients, whatever their requests give; outlives them.
inline boost::asio::io_context& client_executor() {
    static boost::asio::io_context io(1);
    return io;
}

template <class T>
T wait(async::task<T> task) {
    return async::sync_wait(client_executor(), std::move(task));
}

/// A client that may talk to `server`, whatever kind of server that is.
struct Allowed {
    template <class Server>
    explicit Allowed(const Server& server, modapi::HttpClientSettings settings = modapi::HttpClientSettings())
        : client(std::move(settings)) {
        client.allow(server.address());
    }
    modapi::HttpClient client;
};

/// What a request failed with: the message; "nothing" if it didn't.
template <class Error, class T>
std::string message_of(async::task<T> request) {
    try {
        static_cast<void>(wait(std::move(request)));
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing";
}
