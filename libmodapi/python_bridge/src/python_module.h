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
    struct Presence;
    /// A module that has been built in its process.
    struct Prepared {
        std::shared_ptr<Presence> presence;
        callbacks::JsonDict described;  ///< what its constructor there has registered
    };

    /// Builds it in its process, where it ends with the background calls of `api` unless it is started here. Errors: as of
    /// PythonProcess::build.
    [[nodiscard]] static async::task<std::shared_ptr<const Prepared>> prepare(std::shared_ptr<PythonProcess> process,
                                                                              std::shared_ptr<const PythonSource> source,
                                                                              callbacks::JsonDict config, ModuleApi& api);
    /// Registers what its constructor there has registered, and waits for nothing. Errors: RegistrationError.
    PythonModule(const Prepared& prepared, ModuleApi& api);
    ~PythonModule();
    PythonModule(const PythonModule&) = delete;
    PythonModule& operator=(const PythonModule&) = delete;

    void start();
    [[nodiscard]] async::task<void> stop();

private:
    /// Ends it there, if nobody does who has started it.
    static async::task<void> keep(std::shared_ptr<Presence> presence);
    void register_all(ModuleApi& api, const callbacks::JsonDict& described);

    std::shared_ptr<Presence> presence_;
    std::vector<std::unique_ptr<PythonCachedFunction>> cached_;
};

}  // namespace modapi
