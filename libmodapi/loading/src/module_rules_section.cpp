#include "module_rules_section.h"

#include <modapi/config_section.h>
#include <modapi/duration.h>
#include <modapi/hosting/module_resolver.h>

#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

namespace {

using async::failure_outcome;
using callbacks::CallbackDescription;
using callbacks::JsonValue;

constexpr std::array<std::string_view, 7> settings_of_rules = {"deadline", "on_failure", "max_concurrent", "breaker",
                                                               "mode",     "share",      "order"};
constexpr std::array<std::string_view, 4> names_of_outcomes = {"contract", "accept", "reject", "tempfail"};

template <class Names>
std::string listed(const Names& names) {
    std::string list;
    for (const auto& name : names) list.append(list.empty() ? "" : ", ").append(name);
    return list;
}

template <class Predicate>
std::string callbacks_that(Predicate&& are) {
    std::vector<std::string_view> names;
    for (const CallbackDescription& row : callbacks::callback_descriptions())
        if (are(row)) names.push_back(row.name);
    return listed(names);
}

bool can_have(const CallbackDescription& callback, failure_outcome outcome) noexcept {
    if (outcome == failure_outcome::reject) return callback.can_reject;
    return outcome != failure_outcome::tempfail || callback.can_be_put_off;
}

/// What a callback can't have of a rule, empty: nothing. The message says which callbacks can.
std::string refusal_of_on_failure(const CallbackDescription& callback, const CallbackRule& rule) {
    if (can_have(callback, rule.on_failure)) return {};
    const std::string_view word = names_of_outcomes.at(static_cast<std::size_t>(rule.on_failure));
    return std::string(word) + " can't be had by " + std::string(callback.name) + "; it is for " +
           callbacks_that([&](const CallbackDescription& row) { return can_have(row, rule.on_failure); });
}
std::string refusal_of_share(const CallbackDescription& callback, const CallbackRule& rule) {
    return callback.can_be_shared || !is_part(rule.share) ? std::string() : refusal_of_part({callback.name});
}

bool is_word(const ConfigSection& section, std::string_view key, std::string_view word) {
    const std::optional<JsonValue> value = section.optional<JsonValue>(key);
    return value && value->is_string() && std::string_view(value->get_string()) == word;
}

/// What is written with `ms`, a unit that the durations of the contract, and so modules' own, don't have; none: anything else.
std::optional<std::chrono::milliseconds> time_in_milliseconds(const ConfigSection& section, std::string_view key) {
    constexpr std::string_view unit = "ms";
    const auto value = section.optional<callbacks::JsonValue>(key);
    const auto* const written = value ? value->if_string() : nullptr;
    if (written == nullptr) return std::nullopt;
    const std::string_view text(*written);
    if (!text.ends_with(unit)) return std::nullopt;
    const std::string_view number = text.substr(0, text.size() - unit.size());
    if (number.empty() || number.back() < '0' || number.back() > '9') return std::nullopt;
    return parse_duration(number);
}

/// A duration that is more than nothing.
async::clock::duration positive_time(const ConfigSection& section, std::string_view key, std::chrono::milliseconds otherwise) {
    constexpr std::chrono::hours max_time = std::chrono::hours(24) * 365;
    std::optional<std::chrono::milliseconds> read = time_in_milliseconds(section, key);
    if (!read) read = optional_duration(section, key).value_or(otherwise);
    if (read->count() == 0) section.fail(key, "must be longer than 0");
    if (*read > max_time) section.fail(key, "must be at most 1y");
    return *read;
}

void read_deadline(const ConfigSection& section, CallbackRule& rule) {
    if (is_word(section, "deadline", "none")) {
        rule.deadline = async::clock::duration(0);
    } else if (section.contains("deadline")) {
        rule.deadline = positive_time(section, "deadline", {});
    }
}

void read_on_failure(const ConfigSection& section, CallbackRule& rule) {
    const std::optional<std::string> word = section.optional<std::string>("on_failure");
    if (!word) return;
    const auto* const found = std::find(names_of_outcomes.begin(), names_of_outcomes.end(), *word);
    if (found == names_of_outcomes.end()) section.fail("on_failure", "must be one of " + listed(names_of_outcomes));
    rule.on_failure = static_cast<failure_outcome>(found - names_of_outcomes.begin());
    rule.has_own_on_failure = true;
}

std::int64_t positive_number(const ConfigSection& section, std::string_view key, std::int64_t number) {
    constexpr std::int64_t max_number = 1'000'000;
    if (number < 1 || number > max_number) section.fail(key, "must be 1 to " + std::to_string(max_number));
    return number;
}

void read_max_concurrent(const ConfigSection& section, CallbackRule& rule) {
    if (!section.contains("max_concurrent")) return;
    rule.has_own_places = true;
    rule.max_concurrent.reset();
    if (is_word(section, "max_concurrent", "none")) return;
    const auto runs = section.required<std::int64_t>("max_concurrent");
    rule.max_concurrent = static_cast<std::size_t>(positive_number(section, "max_concurrent", runs));
}

void read_breaker(const ConfigSection& section, CallbackRule& rule) {
    if (!section.contains("breaker")) return;
    rule.has_own_breaker = true;
    rule.breaker.reset();
    if (is_word(section, "breaker", "none")) return;
    const ConfigSection given = section.section("breaker");
    given.refuse_unknown_keys({"failures", "within", "open"});
    async::breaker_limits breaker;
    breaker.failures = static_cast<std::uint32_t>(positive_number(given, "failures", given.required<std::int64_t>("failures")));
    breaker.within = positive_time(given, "within", std::chrono::seconds(60));
    breaker.open = positive_time(given, "open", std::chrono::seconds(30));
    rule.breaker = breaker;
}

void read_mode(const ConfigSection& section, CallbackRule& rule) {
    const std::optional<JsonValue> value = section.optional<JsonValue>("mode");
    if (!value) return;
    // Unquoted, `off` is YAML 1.1's false.
    const bool is_off = *value == JsonValue(false) || is_word(section, "mode", "off");
    rule.has_own_mode = true;
    if (is_off) {
        rule.mode = async::call_mode::off;
    } else if (is_word(section, "mode", "enforce")) {
        rule.mode = async::call_mode::enforce;
    } else if (is_word(section, "mode", "shadow")) {
        rule.mode = async::call_mode::shadow;
    } else {
        section.fail("mode", "must be enforce, shadow or off");
    }
}

/// `12.5%` as parts of 10'000; none for anything else.
std::optional<std::uint32_t> parse_share(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    const std::size_t point = text.find('.');
    std::string digits(text.substr(0, point));
    std::string fraction(point == std::string_view::npos ? std::string_view("0") : text.substr(point + 1));
    constexpr std::size_t max_places = 2;
    if (digits.empty() || fraction.empty() || fraction.size() > max_places) return std::nullopt;
    fraction.resize(max_places, '0');
    digits += fraction;
    std::uint32_t parts = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parts);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return parts;
}

void read_share(const ConfigSection& section, CallbackRule& rule) {
    const std::optional<JsonValue> value = section.optional<JsonValue>("share");
    if (!value) return;
    const std::optional<std::uint32_t> parts =
        value->is_string() ? parse_share(std::string_view(value->get_string())) : std::nullopt;
    if (!parts || *parts > async::call_limits::whole)
        section.fail("share", "must be a percentage from 0% to 100%, with at most two decimal places");
    rule.share = *parts;
    rule.has_own_share = true;
}

void read_order(const ConfigSection& section, CallbackRule& rule) {
    constexpr int max_order = 1'000'000;
    rule.order = section.value_or<int>("order", rule.order);
    if (rule.order < -max_order || rule.order > max_order)
        section.fail("order", "must be at most " + std::to_string(max_order) + " before or after the others");
}

void read_settings(const ConfigSection& section, CallbackRule& rule) {
    read_deadline(section, rule);
    read_on_failure(section, rule);
    read_max_concurrent(section, rule);
    read_breaker(section, rule);
    read_mode(section, rule);
    read_share(section, rule);
    read_order(section, rule);
}

bool is_setting(std::string_view key) {
    return std::find(settings_of_rules.begin(), settings_of_rules.end(), key) != settings_of_rules.end();
}

CallbackRule rule_of_callback(const ConfigSection& section, CallbackRule rule, const CallbackDescription& callback) {
    for (const auto& member : section.values()) {
        if (!is_setting(member.key()))
            section.fail(member.key(), "is no setting of a callback; settings are " + listed(settings_of_rules));
    }
    read_settings(section, rule);
    if (rule.has_own_mode && rule.mode == async::call_mode::shadow && !callback.can_be_shadowed)
        section.fail("mode", refusal_of_shadow({callback.name}));
    const std::string of_failure = rule.has_own_on_failure ? refusal_of_on_failure(callback, rule) : std::string();
    if (!of_failure.empty()) section.fail("on_failure", of_failure);
    const std::string of_share = rule.has_own_share ? refusal_of_share(callback, rule) : std::string();
    if (!of_share.empty()) section.fail("share", of_share);
    return rule;
}

ModuleRules read_rules(const ConfigSection& section) {
    ModuleRules rules;
    read_settings(section, rules.of_entry);
    CallbackRule& entry = rules.of_entry;
    entry.has_own_places = entry.has_own_breaker = entry.has_own_on_failure = entry.has_own_share = entry.has_own_mode =
        false;  // it is for all
    for (const auto& member : section.values()) {
        if (is_setting(member.key())) continue;
        const CallbackDescription* const callback = callbacks::description_of(member.key());
        if (callback == nullptr)
            section.fail(member.key(), "is no callback and no setting; settings are " + listed(settings_of_rules));
        rules.of_callback.emplace(member.key(), rule_of_callback(section.section(member.key()), rules.of_entry, *callback));
    }
    return rules;
}

}  // namespace

std::shared_ptr<const ModuleRules> read_module_rules(const ConfigurationFile& file, const ConfigurationPath& place,
                                                     const callbacks::JsonDict& entry, const std::string& module) {
    try {
        // With its whole path, which the errors of its parts say.
        const ConfigSection section =
            ConfigSection(entry, ConfigurationPath(place.begin(), place.end() - 1)).section(place.back());
        if (section.values().empty()) return nullptr;
        return std::make_shared<const ModuleRules>(read_rules(section));
    } catch (const callbacks::ConfigError& error) {
        file.fail(error.path(), std::string(error.what()) + " (module " + module + ")", module);
    }
}

CallbackRule read_mode_and_share(const ConfigSection& section) {
    CallbackRule rule;
    read_mode(section, rule);
    read_share(section, rule);
    return rule;
}

bool is_part(std::uint32_t share) noexcept { return share != 0 && share != async::call_limits::whole; }

std::string refusal_of_shadow(const std::vector<std::string_view>& callbacks) {
    return "shadow can't be had by " + listed(callbacks) + "; it is for " +
           callbacks_that([](const CallbackDescription& row) { return row.can_be_shadowed; });
}

std::string refusal_of_part(const std::vector<std::string_view>& callbacks) {
    return "a share of " + listed(callbacks) + " is 0% or 100%: " + (callbacks.size() == 1 ? "its" : "their") +
           " calls name no user, sender, room or address; other shares are for " +
           callbacks_that([](const CallbackDescription& row) { return row.can_be_shared; });
}

void ConfiguredModule::check_rules(const std::vector<std::string>& registered, std::string_view worker) const {
    if (rules == nullptr) return;
    const std::string whose = " (module " + name + (worker.empty() ? "" : " on worker " + std::string(worker)) + ")";
    const auto refuse = [&](std::string_view key, const std::string& why) {
        ConfigurationPath place = path;
        place.emplace_back("callbacks");
        place.emplace_back(key);
        file->fail(place, why + whose, name);
    };
    for (const auto& [callback, rule] : rules->of_callback) {
        if (std::find(registered.begin(), registered.end(), callback) != registered.end()) continue;
        refuse(callback, "isn't registered by the module, which registered " +
                             (registered.empty() ? "no callbacks" : listed(registered)));
    }
    std::vector<std::string_view> not_in_shadow;
    for (const std::string& callback : registered) {
        const bool can_be_shadowed = callbacks::description_of(callback)->can_be_shadowed;
        if (rules->of(callback).mode == async::call_mode::shadow && !can_be_shadowed) not_in_shadow.push_back(callback);
    }
    if (!not_in_shadow.empty())
        refuse("mode", refusal_of_shadow(not_in_shadow) + "; give each of those its own, enforce or off");
    for (const std::string& callback : registered) {
        const CallbackDescription& described = *callbacks::description_of(callback);
        const CallbackRule& rule = rules->of(callback);
        const std::string instead = "; give that callback its own";
        // A callback's own was checked when it was read: what is wrong now is the entry's.
        const std::string of_failure = refusal_of_on_failure(described, rule);
        if (!of_failure.empty()) refuse("on_failure", of_failure + instead);
        const std::string of_share = refusal_of_share(described, rule);
        if (!of_share.empty()) refuse("share", of_share + instead);
    }
}

}  // namespace modapi
