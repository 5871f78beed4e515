#pragma once

#include <modapi/database.h>

#include <optional>
#include <string>
#include <vector>

namespace homeserver {

/// The words of a text as the user directory compares them, ignoring case: runs of letters and digits.
[[nodiscard]] std::vector<std::string> directory_words_of(const std::string& text);

/// Writes the words by which a user is found, those of the localpart and the display name, in place of earlier ones. With every
/// new account and display name.
void write_directory_words(modapi::Transaction& transaction, const std::string& user_id,
                           const std::optional<std::string>& display_name);

}  // namespace homeserver
