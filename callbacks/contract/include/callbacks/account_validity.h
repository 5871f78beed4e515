#pragma once

#include <callbacks/category.h>

#include <optional>
#include <string>

namespace callbacks {

/// Contract: account_validity_callbacks.
template <MODAPI_CALLBACK_KIND>
struct AccountValidityCategory {
    static constexpr std::string_view category_name = "account validity";

    /// On every authenticated request except logout. True: 403 `ORG_MATRIX_EXPIRED_ACCOUNT`; none: this module doesn't know.
    Callback<"is_user_expired", std::optional<bool>(const std::string& user),
             since<"1.39.0", routine<denied_by<true, first_value>>>, propagate>
        is_user_expired{};

    /// After the account exists.
    Callback<"on_user_registration", void(const std::string& user), since<"1.39.0", afterwards<run_all>>, propagate>
        on_user_registration{};

    /// After a login, and after a registration that logs in (then with neither type nor id). The id is SSO's only.
    Callback<"on_user_login",
             void(const std::string& user_id, const std::optional<std::string>& auth_provider_type,
                  const std::optional<std::string>& auth_provider_id),
             since<"1.98.0", afterwards<run_all>>, propagate>
        on_user_login{};
};

/// What a module registers.
using AccountValidity = AccountValidityCategory<async::slot>;
/// What a host calls.
using AccountValidityDispatch = AccountValidityCategory<async::dispatch>;

}  // namespace callbacks
