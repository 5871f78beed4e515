#include "callback_log.h"

#include <modapi/hosting/log.h>

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <string>

namespace modapi {

namespace {

spdlog::level::level_enum level_of_decision(const async::callback_identity& callback) {
    return callbacks::is_routine(callback.callback) ? spdlog::level::debug : spdlog::level::info;
}

}  // namespace

void CallbackLog::on_error(const async::callback_identity& callback, async::error_level level,
                           const std::exception_ptr& failure) noexcept {
    failed_ = &callback;
    last_failure_ = failure;
    try {
        const std::string message = callbacks::message_of(failure);
        // A SynapseError that leaves the dispatcher is an intended answer. Clients cause it: as an error it would be theirs to
        // fill the log with.
        if (level == async::error_level::quiet && callbacks::is_synapse_error(failure)) {
            framework_log().log(level_of_decision(callback), "module {} decided {}: {}", callback.module, callback.callback,
                                message);
            return;
        }
        // Anything else that leaves it is the host's to answer; but only here the module is known.
        framework_log().log(level == async::error_level::warning ? spdlog::level::warn : spdlog::level::err,
                            "module {}: {} failed: {}", callback.module, callback.callback, message);
    } catch (...) {  // NOLINT: without memory there is no log line either
    }
}

void CallbackLog::on_slow(const async::callback_identity& callback, async::clock::duration took) noexcept {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    framework_log().warn("module {}: {} took {} ms", callback.module, callback.callback, milliseconds);
}

void CallbackLog::on_waiting(const async::callback_identity& callback, async::clock::duration so_far,
                             std::size_t runs) noexcept {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(so_far).count();
    if (runs == 1) {
        framework_log().warn("module {}: {} has been waiting for {} ms now", callback.module, callback.callback, milliseconds);
    } else {
        framework_log().warn("module {}: {} has been waiting for {} ms now, the longest of {} runs that take long",
                             callback.module, callback.callback, milliseconds, runs);
    }
}

void CallbackLog::on_decision(const async::callback_identity& callback) noexcept {
    framework_log().log(level_of_decision(callback), "module {} decided {}", callback.module, callback.callback);
}

}  // namespace modapi
