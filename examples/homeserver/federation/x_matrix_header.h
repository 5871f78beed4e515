#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace homeserver {

/// What the `Authorization` header of another server's request says (specification, "Request Authentication").
struct XMatrix {
    std::string origin;
    std::optional<std::string> destination;
    std::string key_id;
    std::string signature;
};

/// Reads `X-Matrix origin="a",destination="b",key="ed25519:1",sig="..."`; values with or without quotes, in any order. None for
/// anything else. Pure.
[[nodiscard]] std::optional<XMatrix> parse_x_matrix(std::string_view header);

}  // namespace homeserver
