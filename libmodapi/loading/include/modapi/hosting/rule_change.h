#pragma once

#include <modapi/hosting/module_rules.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// What an operator changes of an entry of `modules:` while the server runs, for all of its callbacks, as `mode` and `share`
/// beside them in the file would.
struct RuleChange {
    std::optional<async::call_mode> mode;
    std::optional<std::uint32_t> share;  ///< of 10'000

    /// `{"mode": "shadow", "share": "10%"}`: one of them or both, in the words of the file; a share is also 0 to 100. Errors:
    /// callbacks::ConfigError, about one of them or with an empty path.
    [[nodiscard]] static RuleChange read(const callbacks::JsonDict& given);

    /// What is wrong with it for an entry that has these rules, null for none, and registered these callbacks; empty: nothing.
    /// One that can't have it, and has its own in the file, isn't wrong: it keeps that.
    [[nodiscard]] std::string refusal(const ModuleRules* rules, const std::vector<std::string>& registered) const;
    /// Makes it of the callback's rule, as far as that callback can have it. `rule` is in force, `configured` stands in the
    /// file.
    void apply_to(CallbackRule& rule, const CallbackRule& configured, std::string_view callback) const;

    /// In words: `mode shadow, share 10%`.
    [[nodiscard]] std::string text() const;
};

/// As the file has it: `enforce`.
[[nodiscard]] std::string_view word_of(async::call_mode mode) noexcept;
/// As the file has it, of a share of 10'000: `12.5%`.
[[nodiscard]] std::string percentage(std::uint32_t share);

}  // namespace modapi
