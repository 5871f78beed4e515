#pragma once

#include "python_entry.h"
#include "python_process.h"
#include "python_source.h"

#include <modapi/module_api.h>

#include <callbacks/json.h>

#include <async/task.h>

#include <memory>
#include <vector>

namespace modapi {

class PythonCachedFunction;

/// What a worker builds for an entry whose module is Python's, as it builds an instance of a class.
class PythonModule {
public:
    /// Registers what its constructor there has registered. Errors: what that throws, as one line; RegistrationError.
    PythonModule(const std::shared_ptr<PythonProcess>& process, std::shared_ptr<const PythonSource> source,
                 callbacks::JsonDict config, ModuleApi& api);
    ~PythonModule();
    PythonModule(const PythonModule&) = delete;
    PythonModule& operator=(const PythonModule&) = delete;

    void start();
    [[nodiscard]] async::task<void> stop();

private:
    struct Presence;
    /// Ends it there, if nobody does who has started it.
    static async::task<void> keep(std::shared_ptr<Presence> presence);
    void register_all(ModuleApi& api, const callbacks::JsonDict& described);

    std::shared_ptr<Presence> presence_;
    std::vector<std::unique_ptr<PythonCachedFunction>> cached_;
};

}  // namespace modapi
