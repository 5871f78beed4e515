#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace homeserver {

/// Whom the proxy that sends a request says it has it from: the last entry of the last `X-Forwarded-For`. What stands before
/// that was said by the client, or by proxies that nobody knows.
///
/// An IP address, IPv6 with or without brackets, behind which a port may stand; as it is written elsewhere, so that the same
/// client is the same text. None: there is no such header, or no address in its place.
[[nodiscard]] std::optional<std::string> forwarded_address(const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace homeserver
