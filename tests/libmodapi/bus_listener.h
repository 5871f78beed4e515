#pragma once

#include <modapi/hosting/bus.h>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Runs the executor that listeners are told on, until something is so.
class ListeningThread {
public:
    /// Fails the test after 20 seconds.
    void run_until(const std::function<bool()>& is_so) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!is_so()) {
            io.restart();
            const auto left = until - std::chrono::steady_clock::now();
            if (left <= left.zero()) {
                ADD_FAILURE() << "waited for 20 seconds in vain";
                return;
            }
            // Another thread's work may be what is waited for.
            io.run_one_for(std::min<std::chrono::steady_clock::duration>(left, std::chrono::milliseconds(5)));
        }
    }

    boost::asio::io_context io{1};
};

/// Notes what a bus tells it.
class BusListener {
public:
    BusListener(modapi::Bus& bus, ListeningThread& thread) : bus_(bus) {
        modapi::Bus::Handlers handlers;
        handlers.message = [this](const modapi::BusMessage& message) { heard.push_back(message.topic + ": " + message.text); };
        handlers.gap = [this] { ++gaps; };
        number = bus.subscribe(thread.io.get_executor(), std::move(handlers));
    }
    ~BusListener() { bus_.unsubscribe(number); }
    BusListener(const BusListener&) = delete;
    BusListener& operator=(const BusListener&) = delete;

    [[nodiscard]] bool has_heard(std::string_view line) const {
        return std::find(heard.begin(), heard.end(), line) != heard.end();
    }

    std::size_t number = 0;
    std::vector<std::string> heard;
    int gaps = 0;

private:
    modapi::Bus& bus_;
};
