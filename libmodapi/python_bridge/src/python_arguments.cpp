#include "python_arguments.h"

#include <callbacks/errors.h>

#include <set>
#include <string_view>

namespace modapi {

namespace {

using callbacks::Event;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::StateMap;

/// A state that has no more events than this is sent as a whole.
constexpr std::size_t small_state = 8;

using StateKeys = std::set<std::pair<std::string_view, std::string_view>>;

/// What most modules look at, of whatever room; and who sends and whom it is about.
StateKeys asked_for_often(const Event* event) {
    StateKeys keys = {{"m.room.create", ""}, {"m.room.join_rules", ""}, {"m.room.power_levels", ""}};
    if (event == nullptr) return keys;
    keys.emplace("m.room.member", event->sender());
    if (event->state_key()) keys.emplace(event->type(), *event->state_key());
    return keys;
}

}  // namespace

PythonArguments::PythonArguments(PythonArguments&& other) noexcept
    : calls_(std::move(other.calls_)),
      subject_(std::move(other.subject_)),
      freezes_events_(other.freezes_events_),
      values_(std::move(other.values_)),
      states_(std::exchange(other.states_, {})),
      may_change_(std::move(other.may_change_)) {}

void PythonArguments::add(const Event& event) {
    EventDetails details;
    details.room_version = subject_.room_version;
    details.frozen = freezes_events_;
    values_.push_back(tagged("$event", held_event(event, details)));
}

void PythonArguments::add(const StateMap& state) {
    const bool is_small = state.size() <= small_state;
    JsonDict held;
    // The caller keeps the map until the callback has ended, and so does this: nothing is copied.
    states_.reserve(states_.size() + 1);
    states_.push_back(calls_->keep_state(std::shared_ptr<const StateMap>(std::shared_ptr<const StateMap>(), &state)));
    held.emplace("handle", states_.back());
    held.emplace("known", known_of(state));
    held.emplace("complete", is_small);
    values_.push_back(tagged("$state", std::move(held)));
}

void PythonArguments::add_mutable(JsonDict& json) {
    may_change_.emplace_back(values_.size(), &json);
    values_.push_back(mutable_to_python(JsonValue(json, callbacks::JsonMemory())));
}

JsonArray PythonArguments::known_of(const StateMap& state) const {
    EventDetails details;
    details.room_version = subject_.room_version;
    JsonArray known;
    const auto add_known = [&](std::string_view type, std::string_view state_key, const Event* event) {
        JsonArray one;
        one.push_back(to_python(type));
        one.push_back(to_python(state_key));
        one.push_back(event != nullptr ? JsonValue(held_event(*event, details)) : JsonValue(nullptr));
        known.push_back(std::move(one));
    };
    if (state.size() <= small_state) {
        for (const auto& [key, event] : state) add_known(key.first, key.second, &event);
    } else {
        for (const auto& [type, state_key] : asked_for_often(subject_.event))
            add_known(type, state_key, state.find(type, state_key));
    }
    return known;
}

void PythonArguments::take_changes(const JsonDict& changed) {
    std::vector<std::pair<JsonDict*, JsonDict>> replacements;
    for (const auto& [place, json] : may_change_) {
        const JsonValue* const value = changed.if_contains(std::to_string(place));
        if (value != nullptr) replacements.emplace_back(json, object_of(*value));
    }
    for (auto& [json, replacement] : replacements) *json = std::move(replacement);
}

void PythonArguments::drop_states() noexcept {
    for (const std::int64_t handle : states_) calls_->drop_state(handle);
}

}  // namespace modapi
