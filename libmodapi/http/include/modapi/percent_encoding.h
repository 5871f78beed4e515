#pragma once

#include <string>
#include <string_view>

namespace modapi {

/// The text as a part of a URL: every byte is percent-encoded but letters, digits and `-._~`. A space becomes `%20`.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace modapi
