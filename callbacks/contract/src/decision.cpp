#include <callbacks/decision.h>

#include <callbacks/auth_result.h>
#include <callbacks/dispatchers.h>
#include <callbacks/errors.h>
#include <callbacks/shadowing.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace callbacks {

namespace {

constexpr std::size_t max_id = 255;
constexpr std::size_t max_failure_text = 500;
/// Shorter texts say little, and are in many sentences by themselves.
constexpr std::size_t min_hidden = 8;

bool is_part_of_an_id(char letter) noexcept { return letter > ' ' && letter <= '~'; }

/// `@user:server`.
bool is_user_id(std::string_view text) noexcept {
    return text.size() <= max_id && text.starts_with('@') && text.find(':') != std::string_view::npos &&
           std::all_of(text.begin(), text.end(), &is_part_of_an_id);
}
/// Rooms of later versions have no server in theirs.
bool is_room_id(std::string_view text) noexcept {
    return text.size() <= max_id && text.size() > 1 && text.starts_with('!') && std::all_of(text.begin(), text.end(), &is_part_of_an_id);
}

/// The text of an argument that is one; empty: it is none.
std::string_view text_of(const async::typed_value& argument) noexcept {
    if (const auto* const text = argument.as<std::string>()) return *text;
    if (const auto* const text = argument.as<std::optional<std::string>>(); text != nullptr && *text) return **text;
    return {};
}

/// Calls `visit(text)` for each text in it, at any depth.
template <class Visitor>
void each_text(const JsonValue& value, const Visitor& visit) {
    if (value.is_string()) {
        visit(std::string_view(value.get_string()));
    } else if (value.is_array()) {
        for (const JsonValue& element : value.get_array()) each_text(element, visit);
    } else if (value.is_object()) {
        for (const auto& member : value.get_object()) each_text(member.value(), visit);
    }
}
template <class Visitor>
void each_text(const JsonDict& object, const Visitor& visit) {
    for (const auto& member : object) each_text(member.value(), visit);
}

template <class Visitor>
void each_given_text(const async::observed_run& run, const Visitor& visit) {
    for (const async::typed_value& argument : run.arguments) {
        visit(text_of(argument));
        if (const auto* const event = argument.as<Event>()) each_text(event->content(), visit);
        if (const auto* const object = argument.as<JsonDict>()) each_text(*object, visit);
        if (const auto* const object = argument.as<std::optional<JsonDict>>(); object != nullptr && *object)
            each_text(**object, visit);
    }
}

void hide(std::string& text, std::string_view given) {
    constexpr std::string_view instead = "[...]";
    for (std::size_t at = text.find(given); at != std::string::npos; at = text.find(given, at + instead.size()))
        text.replace(at, given.size(), instead);
}

/// Cuts where a character ends.
void cut(std::string& text, std::size_t most) {
    if (text.size() <= most) return;
    std::size_t end = most;
    constexpr unsigned char mark_of_continuation = 0x80;
    constexpr unsigned char bits_of_continuation = 0xC0;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & bits_of_continuation) == mark_of_continuation) --end;
    text.resize(end);
    text += "...";
}

void append_changed_keys(std::string& list, const std::string& prefix, const JsonDict& before, const JsonDict& after) {
    std::vector<std::string> keys;
    for (const auto& member : before) {
        const JsonValue* const now = after.if_contains(member.key());
        if (now == nullptr || *now != member.value()) keys.emplace_back(member.key());
    }
    for (const auto& member : after) {
        if (!before.contains(member.key())) keys.emplace_back(member.key());
    }
    for (std::string& key : keys) {
        if (!list.empty()) list += ", ";
        list.append(prefix).append(key);
    }
}

std::string keys_changed_in(const Event& event, const JsonDict& replacement) {
    JsonDict before = event.get_dict();
    JsonDict after = replacement;
    // What the host computes anew of every event says nothing of the replacement.
    for (const std::string_view key : {"content", "unsigned", "hashes", "signatures", "event_id", "depth", "prev_events", "auth_events"}) {
        before.erase(key);
        after.erase(key);
    }
    std::string list;
    append_changed_keys(list, "", before, after);
    static const JsonDict nothing;
    const JsonValue* const content = replacement.if_contains("content");
    append_changed_keys(list, "content.", event.content(), content != nullptr && content->is_object() ? content->get_object() : nothing);
    return list;
}

AnsweredDecision denial(std::string_view errcode, std::string text) {
    return {AnsweredDecision::Kind::denied, errcode, std::move(text)};
}
AnsweredDecision replacement(std::string keys) {
    constexpr std::size_t most = 500;
    cut(keys, most);
    return {AnsweredDecision::Kind::replaced, {}, std::move(keys)};
}

}  // namespace

std::string changed_keys(const JsonDict& before, const JsonDict& after) {
    std::string list;
    append_changed_keys(list, "", before, after);
    return list;
}

CallSubject subject_of(const async::observed_run& run, const CallbackDescription* described) noexcept {
    CallSubject subject;
    for (const async::typed_value& argument : run.arguments) {
        if (const auto* const event = argument.as<Event>()) {
            subject.user_id = event->sender();
            subject.room_id = event->room_id();
            if (event->event_id()) subject.event_id = *event->event_id();
            return subject;
        }
        if (const auto* const requester = argument.as<Requester>()) subject.user_id = requester->user.to_string();
        if (const auto* const profile = argument.as<UserProfile>()) subject.user_id = profile->user_id;
    }
    if (described == nullptr || described->is_about_an_address || run.arguments.empty()) return subject;
    if (const std::string_view user = text_of(run.arguments.front()); is_user_id(user)) subject.user_id = user;
    if (described->room_parameter >= run.arguments.size()) return subject;
    if (const std::string_view room = text_of(run.arguments[described->room_parameter]); is_room_id(room)) subject.room_id = room;
    return subject;
}

AnsweredDecision answered_decision(const async::observed_run& run) {
    const async::typed_value& answer = run.answer;
    if (const auto* const verdict = answer.as<Verdict>())
        return denial(verdict->errcode(), std::string(verdict->text().value_or(std::string_view())));
    if (const auto* const decision = answer.as<EventDecision>()) {
        if (!decision->allowed()) return denial({}, {});
        const Event* const event = run.argument<Event>(0);
        return replacement(event != nullptr && decision->replacement() ? keys_changed_in(*event, *decision->replacement()) : std::string());
    }
    if (const auto* const behaviour = answer.as<RegistrationBehaviour>()) return denial({}, detail::answer_text(*behaviour));
    if (const auto* const keys = answer.as<ChangedKeys>()) return replacement(keys->names);
    // As they are declared, a truth value that ends the walk denies, and of one that may be missing the value true does.
    if (answer.as<bool>() != nullptr) return denial({}, {});
    if (const auto* const expired = answer.as<std::optional<bool>>()) return expired->value_or(false) ? denial({}, {}) : AnsweredDecision();
    if (answer.as<std::optional<std::string>>() != nullptr) return replacement({});
    return {};
}

std::string text_of_failure(const std::exception_ptr& failure, const async::observed_run& run) {
    return text_of_failure(message_of(failure), run);
}

std::string text_of_failure(std::string text, const async::observed_run& run) {
    const CallSubject subject = subject_of(run, description_of(run.callback.callback));
    std::vector<std::string_view> hidden;
    each_given_text(run, [&](std::string_view given) {
        const bool is_shown = given == subject.user_id || given == subject.room_id || given == subject.event_id;
        if (given.size() >= min_hidden && !is_shown) hidden.push_back(given);
    });
    // What is a part of another one would leave the rest of that.
    std::sort(hidden.begin(), hidden.end(), [](std::string_view one, std::string_view other) { return one.size() > other.size(); });
    for (const std::string_view given : hidden) hide(text, given);
    cut(text, max_failure_text);
    return text;
}

}  // namespace callbacks
