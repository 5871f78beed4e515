#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

/// What is logged while this object lives, from any thread.
class LogCapture {
public:
    LogCapture() : sink_(std::make_shared<Sink>()), before_(spdlog::default_logger()) {
        auto logger = std::make_shared<spdlog::logger>("test", sink_);
        logger->set_level(spdlog::level::debug);
        spdlog::set_default_logger(std::move(logger));
    }
    ~LogCapture() { spdlog::set_default_logger(before_); }
    LogCapture(const LogCapture&) = delete;
    LogCapture& operator=(const LogCapture&) = delete;

    [[nodiscard]] std::string text() const {
        const std::scoped_lock lock(sink_->guard);
        return sink_->lines;
    }
    [[nodiscard]] bool contains(std::string_view part) const { return text().find(part) != std::string::npos; }
    /// How often it was logged.
    [[nodiscard]] std::size_t count(std::string_view part) const {
        const std::string logged = text();
        std::size_t times = 0;
        for (std::size_t at = logged.find(part); at != std::string::npos; at = logged.find(part, at + part.size())) ++times;
        return times;
    }
    /// Waits until `part` was logged, at most 20 seconds.
    [[nodiscard]] bool wait_for(std::string_view part) const {
        std::unique_lock lock(sink_->guard);
        return sink_->grown.wait_for(lock, std::chrono::seconds(20),
                                     [&] { return sink_->lines.find(part) != std::string::npos; });
    }

private:
    struct Sink final : spdlog::sinks::base_sink<std::mutex> {
        void sink_it_(const spdlog::details::log_msg& message) override {
            const auto level = spdlog::level::to_string_view(message.level);
            const std::scoped_lock lock(guard);
            lines.append(level.data(), level.size())
                .append(": ")
                .append(message.payload.data(), message.payload.size())
                .append("\n");
            grown.notify_all();
        }
        void flush_() override {}

        std::mutex guard;
        std::condition_variable grown;
        std::string lines;
    };
    std::shared_ptr<Sink> sink_;
    std::shared_ptr<spdlog::logger> before_;
};
