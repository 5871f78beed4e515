#pragma once

#include "http/host_pool.h"

#include <async/task.h>

#include <string>
#include <string_view>

namespace homeserver {

/// Checks what is to be a password. Errors: SynapseError 400 `M_INVALID_PARAM` "Invalid password" for an empty one and for one
/// of more than 512 bytes.
void check_new_password(std::string_view password);

/// Argon2id, salted, with libsodium's interactive limits: 64 MiB and some tens of milliseconds each, on the pool for that.
/// Errors: std::runtime_error when the memory isn't there.
[[nodiscard]] async::task<std::string> hash_password(const HostPool& host_pool, std::string password);

/// Whether `password` is the one `hash` was made of. An empty hash never matches, and takes as long to say so: how long a
/// failed login takes doesn't tell which accounts exist.
[[nodiscard]] async::task<bool> password_matches(const HostPool& host_pool, std::string password, std::string hash);

}  // namespace homeserver
