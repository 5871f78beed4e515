#pragma once

#include <callbacks/identifiers.h>
#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace callbacks {

/// A user's global profile (contract: `ProfileInfo`).
struct ProfileInfo {
    std::optional<std::string> display_name;
    std::optional<std::string> avatar_url;
};

/// One result of a user directory search (contract: `UserProfile`).
struct UserProfile {
    std::string user_id;
    std::optional<std::string> display_name;
    std::optional<std::string> avatar_url;
};

/// Who makes a request (contract: `Requester`).
struct Requester {
    explicit Requester(UserID requesting_user) : user(std::move(requesting_user)), authenticated_entity(user.to_string()) {}

    UserID user;
    std::optional<std::int64_t> access_token_id;
    bool is_guest = false;
    std::set<std::string> scope;
    bool shadow_banned = false;
    std::optional<std::string> device_id;
    std::optional<std::string> app_service;
    std::string authenticated_entity;  ///< who proved their identity; another user when an admin acts for somebody
};

/// The answer of check_registration_for_spam (contract: `RegistrationBehaviour`).
enum class RegistrationBehaviour : unsigned char {
    ALLOW,
    SHADOW_BAN,  ///< registered, and nobody sees what the user does
    DENY,
};

/// The response of a login, before it is sent: what a checker's response callback changes is what the client gets.
using LoginResponse = JsonDict;

}  // namespace callbacks
