#pragma once

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace modapi {

/// Where the framework writes to from now on, and the modules' own lines with it. Null: spdlog's default logger, as before the
/// first call.
///
/// Once per program, before the first worker is built; a second call takes effect at once, also for modules that have their
/// loggers already. Thread: any. Lifetime: the logger is kept until the program ends.
void set_log(std::shared_ptr<spdlog::logger> log);

/// What set_log said. Thread: any. Cost: an atomic read.
[[nodiscard]] spdlog::logger& framework_log() noexcept;

/// A module's logger, whose lines carry the module's name as the name of their logger. It has no level and no sinks of its own:
/// what the framework's log lets through is written where that one writes, whatever is changed there later. It may outlive
/// every log that was set. What a module writes while it works for a request ends with ` request_id=ID`.
///
/// Cost: a line below the log's level is put together before it is dropped.
[[nodiscard]] std::shared_ptr<spdlog::logger> module_log(std::string module);

}  // namespace modapi
