#include <modapi/hosting/log.h>
#include <modapi/hosting/request_trace.h>

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace modapi {

namespace {

std::atomic<spdlog::logger*> chosen_log{nullptr};

/// The line with the request that the module works for, in front of a line break at its end; `text` keeps it.
spdlog::details::log_msg with_request(const spdlog::details::log_msg& message, std::string& text) {
    spdlog::details::log_msg line = message;
    const std::shared_ptr<const RequestTrace> request = trace_on_this_thread();
    if (request == nullptr) return line;
    text.assign(message.payload.data(), message.payload.size());
    const std::size_t last = text.find_last_not_of("\r\n");
    text.insert(last == std::string::npos ? 0 : last + 1, request_in_log(request.get()));
    line.payload = text;
    return line;
}

class ModuleLog final : public spdlog::logger {
public:
    explicit ModuleLog(std::string module) : spdlog::logger(std::move(module)) { set_level(spdlog::level::trace); }
    std::shared_ptr<spdlog::logger> clone(std::string name) override { return std::make_shared<ModuleLog>(std::move(name)); }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::logger& log = framework_log();
        if (!log.should_log(message.level)) return;
        std::string text;
        const spdlog::details::log_msg line = with_request(message, text);
        for (const spdlog::sink_ptr& sink : log.sinks()) {
            if (sink->should_log(line.level)) sink->log(line);
        }
        if (message.level >= log.flush_level()) log.flush();
    }
    void flush_() override { framework_log().flush(); }
};

}  // namespace

void set_log(std::shared_ptr<spdlog::logger> log) {
    // Another thread may be writing to the one before.
    static std::mutex mutex;
    static auto* const kept = new std::vector<std::shared_ptr<spdlog::logger>>;
    const std::scoped_lock lock(mutex);
    chosen_log.store(log.get(), std::memory_order_release);
    if (log != nullptr) kept->push_back(std::move(log));
}

spdlog::logger& framework_log() noexcept {
    spdlog::logger* const chosen = chosen_log.load(std::memory_order_acquire);
    return chosen != nullptr ? *chosen : *spdlog::default_logger_raw();
}

std::shared_ptr<spdlog::logger> module_log(std::string module) { return std::make_shared<ModuleLog>(std::move(module)); }

}  // namespace modapi
