#pragma once

#include <callbacks/json.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// A module's `config:` as it may be shown to an operator. `***` stands in the place of
/// - every value, whatever its type, whose key contains secret, pass, token, key or authorization, in any case and at any depth,
/// - what stands at one of the `declared` paths (ConfigSection::secret), which count from the section, list indices as decimal numbers,
/// - in texts and in keys, the user information of URLs, `https://***@host`, and what follows such a word in them:
///   `password=***`, `Authorization: ***`.
/// Keys that are the same then are told apart by a number. Cost: a copy.
[[nodiscard]] callbacks::JsonDict masked_configuration(const callbacks::JsonDict& config,
                                                       const std::set<std::vector<std::string>>& declared);

/// One text of it, or a key.
[[nodiscard]] std::string masked_text(std::string_view text);

}  // namespace modapi
