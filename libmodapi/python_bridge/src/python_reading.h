#pragma once

#include "python_connection.h"
#include "python_program.h"

#include <modapi/hosting/python_modules.h>
#include <modapi/hosting/python_settings.h>

#include <callbacks/json.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace modapi {

/// A process that finds modules and checks their configuration, while a file is read. It starts when it is needed, and is ended
/// when nobody has needed it for a while: nothing of it is there while a server serves.
///
/// Thread: any. Each call blocks.
class PythonReading {
public:
    PythonReading(PythonSettings settings, PythonModules::Facts facts);
    ~PythonReading();
    PythonReading(const PythonReading&) = delete;
    PythonReading& operator=(const PythonReading&) = delete;

    /// The whole answer. Errors: ModuleLoadError: there is no process, it ended, or it didn't answer for `construction_limit`.
    [[nodiscard]] callbacks::JsonDict ask(callbacks::JsonDict message, std::string_view asked);
    /// Ends the process, which has code that isn't in the files any more; the next question is another one's.
    void begin_anew() noexcept;

private:
    static constexpr std::chrono::seconds idle_limit{5};

    /// None: it has ended before it answered.
    [[nodiscard]] std::optional<callbacks::JsonDict> ask_once(callbacks::JsonDict message, std::string_view asked);
    void start();
    void drop_program() noexcept;
    void end_when_idle(const std::stop_token& stop);
    [[nodiscard]] std::string why_it_ended();

    PythonSettings settings_;
    PythonModules::Facts facts_;
    std::mutex mutex_;
    std::condition_variable_any used_;
    std::unique_ptr<PythonProgram> program_;  // under the mutex, as what follows
    std::unique_ptr<PythonConnection> connection_;
    std::int64_t last_id_ = 0;
    std::string unfit_;
    std::string printed_;
    std::chrono::steady_clock::time_point last_use_{};
    std::jthread watch_;
};

}  // namespace modapi
