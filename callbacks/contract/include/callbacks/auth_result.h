#pragma once

#include <callbacks/users.h>

#include <async/hook.h>

#include <compare>
#include <string>
#include <vector>

namespace callbacks {

/// What runs with the login's response before it is sent: `void(LoginResponse&)`, a function or a coroutine; may be empty.
using ResponseCallback = async::owned_hook<void(LoginResponse&)>;

/// A successful authentication: the user's full Matrix ID, and optionally what runs with the login's response.
///
///     co_return callbacks::AuthResult(api_.get_qualified_user_id(user));
class AuthResult {
public:
    explicit AuthResult(std::string authenticated_user_id, ResponseCallback with_response = ResponseCallback())
        : user_id(std::move(authenticated_user_id)), on_response(std::move(with_response)) {}

    std::string user_id;
    ResponseCallback on_response;
};

/// Under what an auth checker is registered: the type in the login request and the fields that it must carry, in order.
class LoginType {
public:
    LoginType(std::string login_type, std::vector<std::string> required_fields)
        : type(std::move(login_type)), fields(std::move(required_fields)) {}
    bool operator==(const LoginType&) const = default;

    std::string type;
    std::vector<std::string> fields;
};

}  // namespace callbacks
