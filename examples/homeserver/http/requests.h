#pragma once

#include "http/router.h"

#include <callbacks/errors.h>
#include <callbacks/users.h>
#include <callbacks/verdict.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace homeserver {

/// The request's access token as sent; empty if there is none.
[[nodiscard]] std::string access_token_of(const RoutedRequest& request);

/// The body as an object; an empty body is an empty object. Errors: 400 `M_NOT_JSON` "Content not JSON.", 400 `M_BAD_JSON`
/// "Content must be a JSON object."
[[nodiscard]] callbacks::JsonDict json_body(const RoutedRequest& request);
/// The body as an object where it is what the request is about: an empty one isn't JSON. Errors: those of json_body.
[[nodiscard]] callbacks::JsonDict required_json_body(const RoutedRequest& request);

/// A member of a body. Missing: none. Wrong type, or a NUL character, which not every database holds: 400 `M_INVALID_PARAM`
/// (M_BAD_JSON for Matrix content).
[[nodiscard]] std::optional<std::string> string_member(const callbacks::JsonDict& body, std::string_view key);
/// A password in a body, which may have any character, since only its hash is kept. Else as string_member.
[[nodiscard]] std::optional<std::string> secret_member(const callbacks::JsonDict& body, std::string_view key);
/// A member that has to be there: 400 `M_MISSING_PARAM` "Missing key 'KEY'". Else as string_member.
[[nodiscard]] std::string required_string_member(const callbacks::JsonDict& body, std::string_view key);
/// A member that a client may also leave out by saying null. Else as string_member.
[[nodiscard]] std::optional<std::string> optional_string_member(const callbacks::JsonDict& body, std::string_view key);
/// A truth value. Missing: `otherwise`.
[[nodiscard]] bool flag_member(const callbacks::JsonDict& body, std::string_view key, bool otherwise);
/// An integer from the query; none if it isn't there. Errors: 400 `M_INVALID_PARAM`.
[[nodiscard]] std::optional<std::int64_t> integer_argument(const RoutedRequest& request, std::string_view name);
/// The user a path names. Errors: 400 `M_INVALID_PARAM` for what is no user id.
[[nodiscard]] callbacks::UserID user_parameter(const RoutedRequest& request, std::size_t index);

/// 200 with a JSON object.
[[nodiscard]] modapi::Response ok(callbacks::JsonDict body);
[[nodiscard]] modapi::Response ok();

/// The client's address and user agent, as check_registration_for_spam and check_login_for_spam are told them.
[[nodiscard]] std::string client_address_of(const RoutedRequest& request);
[[nodiscard]] std::optional<std::string> user_agent_of(const RoutedRequest& request);

/// Runs what follows a stored change to its end, even if the client goes away meanwhile: nobody else would do the rest.
/// A stop of the server cuts it all the same.
template <class T>
[[nodiscard]] async::task<T> to_the_end(async::task<T> body) {
    const async::context& outer = co_await async::this_context;
    async::context inner = outer;
    inner.shielded = true;
    co_return co_await std::move(body).in(inner);
}

/// Throws the 403 of a rejecting verdict: its errcode, its text or `text`, its fields. Returns for NOT_SPAM.
void deny_if_spam(const callbacks::Verdict& verdict, const std::string& text);

}  // namespace homeserver
