#pragma once

#include "account_changes/third_party_id_changes.h"
#include "profiles/profile.h"

#include <modapi/database.h>
#include <modapi/services/internal_services.h>

namespace homeserver {

/// What modules of other languages reach for behind ModuleApi, by the operations that the endpoints use, or by the rows alone.
class ModuleInternals final : public modapi::InternalServices {
public:
    ModuleInternals(modapi::Database& database, Profiles& profiles, ThirdPartyIdChanges& third_party_id_changes) noexcept
        : database_(database), profiles_(profiles), third_party_id_changes_(third_party_id_changes) {}

    [[nodiscard]] async::task<std::optional<std::string>> get_user_id_by_threepid(std::string medium,
                                                                                  std::string address) override;
    [[nodiscard]] async::task<void> add_threepid(callbacks::UserID user, callbacks::ThirdPartyID id) override;
    [[nodiscard]] async::task<void> delete_threepid(callbacks::UserID user, std::string medium, std::string address) override;
    [[nodiscard]] async::task<void> store_threepid(callbacks::UserID user, callbacks::ThirdPartyID id) override;
    [[nodiscard]] async::task<void> forget_threepid(callbacks::UserID user, std::string medium, std::string address) override;
    [[nodiscard]] async::task<void> set_avatar_url(callbacks::UserID user, std::string new_avatar_url) override;
    [[nodiscard]] async::task<void> store_displayname(callbacks::UserID user,
                                                      std::optional<std::string> new_displayname) override;
    [[nodiscard]] async::task<void> store_avatar_url(callbacks::UserID user,
                                                     std::optional<std::string> new_avatar_url) override;
    [[nodiscard]] async::task<std::optional<std::string>> get_user_by_external_id(std::string auth_provider_id,
                                                                                  std::string external_id) override;
    [[nodiscard]] async::task<std::vector<std::pair<std::string, std::string>>> get_external_ids(std::string user_id) override;
    [[nodiscard]] async::task<void> remove_external_id(std::string auth_provider_id, std::string external_id,
                                                       callbacks::UserID user) override;
    [[nodiscard]] async::task<std::vector<std::string>> get_latest_event_ids(std::string room_id) override;

private:
    modapi::Database& database_;
    Profiles& profiles_;
    ThirdPartyIdChanges& third_party_id_changes_;
};

}  // namespace homeserver
