#pragma once

#include <modapi/services/account_services.h>
#include <modapi/services/internal_services.h>
#include <modapi/services/mail_services.h>
#include <modapi/services/presence_services.h>
#include <modapi/services/push_services.h>
#include <modapi/services/room_services.h>
#include <modapi/services/session_services.h>

#include <optional>
#include <string>

namespace modapi {

/// What a host provides to ModuleApi. One object per worker; called on that worker's thread only.
///
/// A host overrides `server_name` and `public_baseurl`; all else is its choice. The services come in groups, each a class whose
/// methods a host overrides as far as it has them; a module that calls another one gets ServiceNotOffered. Lifetime: it and its
/// groups outlive the worker.
///
///     class Server : public modapi::Homeserver, modapi::AccountServices {
///         async::task<std::optional<std::string>> check_user_exists(std::string user_id) override;
///         modapi::AccountServices& accounts() noexcept override { return *this; }
class Homeserver {
public:
    virtual ~Homeserver() = default;

    /// The part of user ids after the colon.
    [[nodiscard]] virtual const std::string& server_name() const noexcept = 0;
    /// Ends with `/`.
    [[nodiscard]] virtual const std::string& public_baseurl() const noexcept = 0;
    /// What mails call the service; `Matrix` where nothing else is said.
    [[nodiscard]] virtual const std::string& email_app_name() const noexcept;
    /// The operator's folder of templates; none.
    [[nodiscard]] virtual const std::optional<std::string>& custom_template_dir() const noexcept;
    /// The host's own folder of templates, the last that is looked into; none.
    [[nodiscard]] virtual const std::optional<std::string>& template_dir() const noexcept;

    [[nodiscard]] virtual AccountServices& accounts() noexcept;
    [[nodiscard]] virtual SessionServices& sessions() noexcept;
    [[nodiscard]] virtual RoomServices& rooms() noexcept;
    [[nodiscard]] virtual PresenceServices& presence() noexcept;
    [[nodiscard]] virtual MailServices& mail() noexcept;
    [[nodiscard]] virtual PushServices& push() noexcept;
    [[nodiscard]] virtual InternalServices& internals() noexcept;
};

}  // namespace modapi
