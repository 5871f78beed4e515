#include "callback_log.h"

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

namespace modapi {

namespace {

/// What leaves the dispatcher is the host's to answer; but only here the module is known. A SynapseError is an intended answer.
spdlog::level::level_enum level_of(async::error_level level, const std::exception_ptr& failure) {
    if (level == async::error_level::warning) return spdlog::level::warn;
    if (level == async::error_level::quiet && callbacks::is_synapse_error(failure)) return spdlog::level::debug;
    return spdlog::level::err;
}

}  // namespace

void CallbackLog::on_error(const async::callback_identity& callback, async::error_level level,
                           const std::exception_ptr& failure) noexcept {
    try {
        spdlog::log(level_of(level, failure), "module {}: {} failed: {}", callback.module, callback.callback,
                    callbacks::message_of(failure));
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

void CallbackLog::on_slow(const async::callback_identity& callback, async::clock::duration took) noexcept {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    spdlog::warn("module {}: {} took {} ms", callback.module, callback.callback, milliseconds);
}

void CallbackLog::on_decision(const async::callback_identity& callback) noexcept {
    const auto level = callbacks::is_routine(callback.callback) ? spdlog::level::debug : spdlog::level::info;
    spdlog::log(level, "module {} decided {}", callback.module, callback.callback);
}

}  // namespace modapi
