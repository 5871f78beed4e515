#pragma once

#include <string>
#include <string_view>

namespace modapi {

/// libyaml takes some texts that the readers which files were written for refuse, or take for something else: a tab where only
/// spaces may stand, a `?` in a text between brackets, a bracket or comma right behind a tag, what follows a block's `|`.
/// The text must be UTF-8 that libyaml parses. Errors: ConfigurationError with file and line.
void refuse_looser_tokens(std::string_view text, const std::string& name);

}  // namespace modapi
