#include "module_rules_section.h"

#include <modapi/config_section.h>
#include <modapi/hosting/rule_change.h>

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <array>

namespace modapi {

namespace {

using callbacks::CallbackDescription;

constexpr std::array<std::string_view, 3> words_of_modes = {"enforce", "shadow", "off"};  // as async::call_mode has them
constexpr std::uint32_t one_percent = async::call_limits::whole / 100;

bool is_shadow(const std::optional<async::call_mode>& mode) { return mode == async::call_mode::shadow; }

/// Whole percents as a number; anything else is left as it is.
callbacks::JsonDict with_share_as_text(callbacks::JsonDict given) {
    callbacks::JsonValue* const share = given.if_contains("share");
    if (share == nullptr || !share->is_number()) return given;
    *share = boost::json::serialize(*share) + "%";
    return given;
}

}  // namespace

RuleChange RuleChange::read(const callbacks::JsonDict& given) {
    const ConfigSection section(with_share_as_text(given));
    section.refuse_unknown_keys({"mode", "share"});
    const CallbackRule read = read_mode_and_share(section);
    RuleChange change;
    if (read.has_own_mode) change.mode = read.mode;
    if (read.has_own_share) change.share = read.share;
    if (!change.mode && !change.share) throw callbacks::ConfigError("has neither a mode nor a share");
    return change;
}

std::string RuleChange::refusal(const ModuleRules* rules, const std::vector<std::string>& registered) const {
    const ModuleRules none;
    std::vector<std::string_view> not_in_shadow;
    std::vector<std::string_view> not_in_part;
    for (const std::string& callback : registered) {
        const CallbackDescription& described = *callbacks::description_of(callback);
        const CallbackRule& configured = (rules != nullptr ? *rules : none).of(callback);
        if (is_shadow(mode) && !described.can_be_shadowed && !configured.has_own_mode) not_in_shadow.push_back(callback);
        if (share && is_part(*share) && !described.can_be_shared && !configured.has_own_share) not_in_part.push_back(callback);
    }
    if (!not_in_shadow.empty()) return "mode: " + refusal_of_shadow(not_in_shadow);
    if (!not_in_part.empty()) return "share: " + refusal_of_part(not_in_part);
    return {};
}

void RuleChange::apply_to(CallbackRule& rule, const CallbackRule& configured, std::string_view callback) const {
    const CallbackDescription& described = *callbacks::description_of(callback);
    if (mode && is_shadow(mode) && !described.can_be_shadowed) {
        rule.mode = configured.mode;
    } else if (mode) {
        rule.mode = *mode;
    }
    if (share && is_part(*share) && !described.can_be_shared) {
        rule.share = configured.share;
    } else if (share) {
        rule.share = *share;
    }
}

std::string RuleChange::text() const {
    std::string words;
    if (mode) words.append("mode ").append(word_of(*mode));
    if (share) words.append(words.empty() ? "" : ", ").append("share ").append(percentage(*share));
    return words;
}

std::string_view word_of(async::call_mode mode) noexcept { return words_of_modes.at(static_cast<std::size_t>(mode)); }

std::string percentage(std::uint32_t share) {
    std::string text = std::to_string(share / one_percent);
    const std::uint32_t hundredths = share % one_percent;
    if (hundredths != 0) {
        text += "." + std::to_string(one_percent + hundredths).substr(1);
        if (text.ends_with('0')) text.pop_back();
    }
    return text + "%";
}

}  // namespace modapi
