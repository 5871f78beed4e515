#pragma once

#include <callbacks/identifiers.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace callbacks {

/// What a server knows of one of its accounts (contract: `UserInfo`). Times are milliseconds since 1970.
struct UserInfo {
    explicit UserInfo(UserID user) : user_id(std::move(user)) {}

    UserID user_id;
    std::optional<std::string> appservice_id;               ///< of the application service that made the account
    std::optional<std::string> consent_server_notice_sent;  ///< the version that a notice was sent about
    std::optional<std::string> consent_version;             ///< the version that was agreed to
    std::optional<std::int64_t> consent_ts;
    std::optional<std::string> user_type;  ///< none, `support` or `bot`
    std::int64_t creation_ts = 0;
    bool is_admin = false;
    bool is_deactivated = false;
    bool is_guest = false;
    bool is_shadow_banned = false;
    bool approved = true;  ///< false: registered, and waits for an admin
    bool locked = false;     ///< nobody may use the account, and its sessions stay
    bool suspended = false;  ///< may read and leave, and not say anything
};

/// From where a user used an account (contract: `UserIpAndAgent`).
struct UserIpAndAgent {
    std::string ip;
    std::string user_agent;      ///< empty for a client that names none
    std::int64_t last_seen = 0;  ///< milliseconds since 1970
};

/// An e-mail address or phone number that is bound to a user. Times are milliseconds since 1970.
struct ThirdPartyID {
    std::string medium;   ///< `email` or `msisdn`
    std::string address;  ///< in canonical form: an e-mail address in lower case, a phone number in digits
    std::int64_t validated_at = 0;
    std::int64_t added_at = 0;
};

/// A device that was made with a token to use it by (contract: the answer of `register_device`).
struct RegisteredDevice {
    std::string device_id;
    std::string access_token;
    std::optional<std::int64_t> expires_at_ms;  ///< none: the token doesn't expire
    std::optional<std::string> refresh_token;   ///< always none; the contract has it
};

}  // namespace callbacks
