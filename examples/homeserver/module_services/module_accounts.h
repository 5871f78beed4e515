#pragma once

#include "account_changes/deactivation.h"
#include "account_changes/new_user.h"
#include "account_changes/third_party_id_changes.h"
#include "account_data/account_data.h"
#include "profiles/profile.h"
#include "text/server_name.h"

#include <modapi/database.h>
#include <modapi/services/account_services.h>

namespace homeserver {

/// Accounts for modules, by the operations that the endpoints use.
class ModuleAccounts final : public modapi::AccountServices {
public:
    ModuleAccounts(modapi::Database& database, const ServerName& server_name, AccountData& account_data, Profiles& profiles,
                   UserCreation& user_creation, ThirdPartyIdChanges& third_party_id_changes,
                   Deactivation& deactivation) noexcept
        : database_(database),
          server_name_(server_name),
          account_data_(account_data),
          profiles_(profiles),
          user_creation_(user_creation),
          third_party_id_changes_(third_party_id_changes),
          deactivation_(deactivation) {}

    [[nodiscard]] async::task<std::optional<std::string>> check_user_exists(std::string user_id) override;
    [[nodiscard]] async::task<std::optional<callbacks::UserInfo>> get_userinfo_by_id(std::string user_id) override;
    [[nodiscard]] async::task<std::vector<std::string>> get_local_users(std::string after, int limit) override;
    [[nodiscard]] async::task<std::vector<callbacks::UserInfo>> list_local_users(modapi::UserOrder order,
                                                                                 std::optional<callbacks::UserInfo> after,
                                                                                 int limit) override;
    [[nodiscard]] async::task<bool> is_user_admin(callbacks::UserID user) override;
    [[nodiscard]] async::task<void> set_user_admin(callbacks::UserID user, bool admin) override;
    [[nodiscard]] async::task<void> check_username(std::string username) override;
    [[nodiscard]] async::task<std::string> register_user(std::string localpart, std::optional<std::string> displayname,
                                                         std::vector<std::string> emails, bool admin) override;
    [[nodiscard]] async::task<void> deactivate_user(callbacks::UserID user, bool erase) override;
    [[nodiscard]] async::task<callbacks::ProfileInfo> get_profile_for_user(std::string localpart) override;
    [[nodiscard]] async::task<void> set_displayname(callbacks::UserID user, std::string new_displayname) override;
    [[nodiscard]] async::task<std::vector<callbacks::ThirdPartyID>> get_threepids_for_user(std::string user_id) override;
    [[nodiscard]] async::task<void> store_remote_3pid_association(callbacks::UserID user, std::string medium,
                                                                  std::string address, std::string id_server) override;
    [[nodiscard]] async::task<void> record_user_external_id(std::string auth_provider_id, std::string remote_user_id,
                                                            callbacks::UserID registered_user) override;
    [[nodiscard]] async::task<std::shared_ptr<const callbacks::JsonDict>> get_global_account_data(
        callbacks::UserID user, std::string data_type) override;
    [[nodiscard]] async::task<void> put_global_account_data(callbacks::UserID user, std::string data_type,
                                                            callbacks::JsonDict new_data) override;

private:
    modapi::Database& database_;
    const ServerName& server_name_;
    AccountData& account_data_;
    Profiles& profiles_;
    UserCreation& user_creation_;
    ThirdPartyIdChanges& third_party_id_changes_;
    Deactivation& deactivation_;
};

}  // namespace homeserver
