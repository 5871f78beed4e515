#pragma once

#include <callbacks/category.h>
#include <callbacks/json.h>

#include <optional>
#include <string>

namespace callbacks {

/// Contract: account_data_callbacks.
template <MODAPI_CALLBACK_KIND>
struct AccountDataCategory {
    static constexpr std::string_view category_name = "account data";

    /// After global (no room_id) or room account data of a local user is stored, also its deletion (`{}`); not for tags.
    Callback<"on_account_data_updated",
             void(const std::string& user_id, const std::optional<std::string>& room_id, const std::string& account_data_type,
                  const JsonDict& content),
             since<"1.57.0", in_room<1, run_all>>, log_and_go_on>
        on_account_data_updated{};
};

/// What a module registers.
using AccountData = AccountDataCategory<async::slot>;
/// What a host calls.
using AccountDataDispatch = AccountDataCategory<async::dispatch>;

}  // namespace callbacks
