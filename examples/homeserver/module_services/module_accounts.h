#pragma once

#include <modapi/services/account_services.h>

namespace homeserver {

class ServerWorker;

/// Accounts for modules, by the operations that the endpoints use.
class ModuleAccounts final : public modapi::AccountServices {
public:
    explicit ModuleAccounts(ServerWorker& worker) noexcept : worker_(worker) {}

    [[nodiscard]] async::task<std::optional<std::string>> check_user_exists(std::string user_id) override;
    [[nodiscard]] async::task<std::optional<callbacks::UserInfo>> get_userinfo_by_id(std::string user_id) override;
    [[nodiscard]] async::task<std::vector<std::string>> get_local_users(std::string after, int limit) override;
    [[nodiscard]] async::task<bool> is_user_admin(callbacks::UserID user) override;
    [[nodiscard]] async::task<void> set_user_admin(callbacks::UserID user, bool admin) override;
    [[nodiscard]] async::task<void> check_username(std::string username) override;
    [[nodiscard]] async::task<std::string> register_user(std::string localpart, std::optional<std::string> displayname,
                                                         std::vector<std::string> emails, bool admin) override;
    [[nodiscard]] async::task<void> deactivate_user(callbacks::UserID user, bool erase) override;
    [[nodiscard]] async::task<callbacks::ProfileInfo> get_profile_for_user(std::string localpart) override;
    [[nodiscard]] async::task<void> set_displayname(callbacks::UserID user, std::string new_displayname,
                                                    bool deactivation) override;
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
    ServerWorker& worker_;
};

}  // namespace homeserver
