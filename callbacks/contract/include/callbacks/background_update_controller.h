#pragma once

#include <callbacks/category.h>

#include <string>

namespace callbacks {

/// Contract: background_update_controller_callbacks. Only the first module to register is asked, for all three; on_update is
/// required with the other two.
template <MODAPI_CALLBACK_KIND>
struct BackgroundUpdateControllerCategory {
    static constexpr std::string_view category_name = "background update controller";

    /// Around each iteration. Synchronous itself; what it returns is entered before the iteration, yields the target
    /// duration in milliseconds, and is left after it, seeing its exception.
    Callback<"on_update",
             async::context_manager<int>(const std::string& update_name, const std::string& database_name, bool one_shot),
             since<"1.49.0", routine<only_first>>, propagate>
        on_update{};

    /// Number of items of an iteration as long as no item of this update was processed. Nobody: configuration, 100.
    Callback<"default_batch_size", int(const std::string& update_name, const std::string& database_name), since<"1.49.0", routine<only_first>>,
             propagate>
        default_batch_size{};

    /// Lowest number of items of every other iteration; below 1 is an error. Nobody: configuration, 100.
    Callback<"min_batch_size", int(const std::string& update_name, const std::string& database_name), since<"1.49.0", routine<only_first>>,
             propagate>
        min_batch_size{};
};

/// What a module registers.
using BackgroundUpdateController = BackgroundUpdateControllerCategory<async::slot>;
/// What a host calls.
using BackgroundUpdateControllerDispatch = BackgroundUpdateControllerCategory<async::dispatch>;

}  // namespace callbacks
