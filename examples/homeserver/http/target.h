#pragma once

#include <string>
#include <string_view>

namespace homeserver {

/// Appends `%41` for `A`.
void append_encoded(std::string& text, char character);

/// For a log line: what isn't printable ASCII or would end a word is percent-encoded, and a very long text is cut.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace homeserver
