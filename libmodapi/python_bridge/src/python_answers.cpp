#include "python_answers.h"

#include "python_values.h"

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

#include <limits>
#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::Verdict;

constexpr std::string_view not_spam = "NOT_SPAM";
constexpr std::string_view all_users = "ALL";

std::optional<std::string_view> text_of_answer(const JsonValue& value) noexcept {
    const boost::json::string* const text = value.if_string();
    if (text == nullptr) return std::nullopt;
    return std::string_view(text->data(), text->size());
}

/// The errcode of a value of the enumeration Codes; a text that spells one is none.
std::optional<std::string> code_in(const JsonValue& value) {
    const JsonValue* const held = held_by(value, "$code");
    if (held == nullptr || !held->is_string()) return std::nullopt;
    return std::string(held->get_string());
}

Verdict denied() { return callbacks::Codes::FORBIDDEN; }

std::optional<Verdict> code_with_fields(const JsonValue& answer) {
    const JsonArray* const pair = items_of(answer, "$tuple");
    if (pair == nullptr || pair->size() != 2) return std::nullopt;
    std::optional<std::string> code = code_in((*pair)[0]);
    if (!code) return std::nullopt;
    try {
        return callbacks::reject(std::move(*code), std::nullopt, object_of((*pair)[1]));
    } catch (const WrongPythonValue&) {
        return std::nullopt;
    }
}

Verdict verdict_of_boolean(bool answer, BooleanVerdict meaning) noexcept {
    if (meaning == BooleanVerdict::always_denies) return denied();
    return callbacks::spam_if(answer == (meaning == BooleanVerdict::true_denies));
}

/// What Python takes apart into two: a tuple or a list of two, a dictionary of two keys, which are what it gives.
std::optional<std::pair<JsonValue, JsonValue>> taken_apart(const JsonValue& answer) {
    const JsonArray* items = answer.if_array();
    if (items == nullptr) items = items_of(answer, "$tuple");
    if (items != nullptr) {
        if (items->size() != 2) return std::nullopt;
        return std::pair((*items)[0], (*items)[1]);
    }
    const JsonDict* const object = answer.if_object();
    if (object == nullptr || object->size() != 2) return std::nullopt;
    const auto first = object->begin();
    return std::pair(JsonValue(first->key()), JsonValue(std::next(first)->key()));
}

bool is_dictionary(const JsonValue& value) noexcept {
    if (held_by(value, "$dict") != nullptr) return true;
    const JsonDict* const object = value.if_object();
    return object != nullptr && (object->size() != 1 || !std::string_view(object->begin()->key()).starts_with('$'));
}

/// Runs what reads an answer, and says whose it was if it can't be read.
template <class Read>
auto read_or_fail(const AskedCallback& asked, const Read& read) {
    try {
        return read();
    } catch (const std::invalid_argument& wrong) {
        throw callbacks::ModuleFailed(std::string(asked.name) + " answered what the contract hasn't: " + wrong.what());
    }
}

/// A dictionary's keys and values, in their order.
std::vector<std::pair<JsonValue, const JsonValue*>> members_of(const JsonValue& dictionary) {
    std::vector<std::pair<JsonValue, const JsonValue*>> members;
    if (const JsonArray* const pairs = items_of(dictionary, "$dict")) {
        for (const JsonValue& pair : *pairs) {
            const JsonArray* const both = pair.if_array();
            if (both != nullptr && both->size() == 2) members.emplace_back((*both)[0], &(*both)[1]);
        }
    } else {
        for (const auto& member : dictionary.get_object()) members.emplace_back(JsonValue(member.key()), &member.value());
    }
    return members;
}

}  // namespace

void AskedCallback::warn(const JsonValue& answer, std::string_view meaning) const {
    log.warn("{} answered {}, which the contract hasn't there: it counts as {}", name, kind_of(answer), meaning);
}

void AskedCallback::fail(const JsonValue& answer, std::string_view wanted) const {
    throw callbacks::ModuleFailed(std::string(name) + " answered " + kind_of(answer) + ", where the contract has " +
                                  std::string(wanted));
}

Verdict verdict_of(const AskedCallback& asked, const JsonValue& answer, VerdictForms forms) {
    if (const std::optional<std::string_view> text = text_of_answer(answer)) {
        if (*text == not_spam) return callbacks::NOT_SPAM;
        if (forms.texts) return callbacks::reject("M_FORBIDDEN", std::string(*text));
    } else if (std::optional<std::string> code = code_in(answer)) {
        return callbacks::reject(std::move(*code), std::nullopt, JsonDict());
    } else if (answer.is_bool() && forms.booleans != BooleanVerdict::always_denies) {
        return verdict_of_boolean(answer.get_bool(), forms.booleans);
    } else if (forms.pairs) {
        if (std::optional<Verdict> verdict = code_with_fields(answer)) return std::move(*verdict);
    }
    asked.warn(answer, "a denial with M_FORBIDDEN");
    return denied();
}

callbacks::EventDecision event_decision_of(const AskedCallback& asked, const JsonValue& answer) {
    const std::optional<std::pair<JsonValue, JsonValue>> pair = taken_apart(answer);
    if (!pair) {
        const bool may_be_an_event = is_dictionary(answer);
        asked.fail(answer, may_be_an_event ? "a pair: (True, dictionary) to replace the event"
                                           : "a pair: whether it is allowed, and None or a dictionary in the event's place");
    }
    if (pair->first.is_bool() && !pair->first.get_bool()) return callbacks::EventDecision(false);
    if (!is_dictionary(pair->second)) return callbacks::EventDecision(true);
    JsonDict replacement = read_or_fail(asked, [&] { return object_of(pair->second); });
    return callbacks::EventDecision(true, std::move(replacement));
}

bool unless_false(const AskedCallback& asked, const JsonValue& answer) {
    if (answer.is_bool()) return answer.get_bool();
    asked.warn(answer, "True");
    return true;
}

std::optional<std::string> text_or_none(const AskedCallback& asked, const JsonValue& answer) {
    if (answer.is_null()) return std::nullopt;
    if (const std::optional<std::string_view> text = text_of_answer(answer)) return std::string(*text);
    asked.warn(answer, "no answer");
    return std::nullopt;
}

callbacks::RegistrationBehaviour registration_of(const AskedCallback& asked, const JsonValue& answer) {
    using callbacks::RegistrationBehaviour;
    const JsonValue* const held = held_by(answer, "$registration");
    const std::optional<std::string_view> word = held != nullptr ? text_of_answer(*held) : std::nullopt;
    if (word == "allow") return RegistrationBehaviour::ALLOW;
    if (word == "shadow_ban") return RegistrationBehaviour::SHADOW_BAN;
    if (word == "deny") return RegistrationBehaviour::DENY;
    asked.fail(answer, "a RegistrationBehaviour");
}

int number_of(const AskedCallback& asked, const JsonValue& answer) {
    if (!answer.is_int64()) asked.fail(answer, "an integer");
    const std::int64_t number = answer.get_int64();
    if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max())
        asked.fail(answer, "an integer of 32 bits");
    return static_cast<int>(number);
}

JsonDict dictionary_of(const AskedCallback& asked, const JsonValue& answer) {
    if (!is_dictionary(answer)) asked.fail(answer, "a dictionary");
    return read_or_fail(asked, [&] { return object_of(answer); });
}

std::optional<std::vector<callbacks::MediaUploadLimit>> limits_or_none(const AskedCallback& asked, const JsonValue& answer) {
    if (answer.is_null()) return std::nullopt;
    const JsonArray* const items = answer.if_array();
    if (items == nullptr) asked.fail(answer, "a list of MediaUploadLimit");
    return read_or_fail(asked, [&] {
        std::vector<callbacks::MediaUploadLimit> limits;
        for (const JsonValue& item : *items) limits.push_back(upload_limit_of(item));
        return limits;
    });
}

std::optional<callbacks::RatelimitOverride> override_or_none(const AskedCallback& asked, const JsonValue& answer) {
    if (answer.is_null()) return std::nullopt;
    return read_or_fail(asked, [&] { return ratelimit_of(answer); });
}

callbacks::UsersForStates users_for_states_of(const AskedCallback& asked, const JsonValue& answer) {
    if (!is_dictionary(answer)) asked.fail(answer, "a dictionary of users and sets of UserPresenceState");
    callbacks::UsersForStates users;
    for (const auto& [user, states] : members_of(answer)) {
        const std::optional<std::string_view> user_id = text_of_answer(user);
        const JsonArray* const items = items_of(*states, "$set");
        if (!user_id || items == nullptr) {
            asked.warn(user_id ? *states : user, "nothing for this user and those behind");
            break;
        }
        read_or_fail(asked, [&, of = &users[std::string(*user_id)]] {
            for (const JsonValue& item : *items) of->insert(presence_of(item));
            return true;
        });
    }
    return users;
}

callbacks::InterestedUsers interested_users_of(const AskedCallback& asked, const JsonValue& answer) {
    if (text_of_answer(answer) == all_users) return callbacks::PRESENCE_ALL_USERS;
    const JsonArray* const items = items_of(answer, "$set");
    if (items == nullptr) asked.fail(answer, "a set of user ids or PRESENCE_ALL_USERS");
    callbacks::InterestedUsers::Set users;
    for (const JsonValue& item : *items) {
        const std::optional<std::string_view> user_id = text_of_answer(item);
        if (!user_id) asked.fail(item, "a user id in the set");
        users.emplace(*user_id);
    }
    return users;
}

std::optional<PythonLogin> login_or_none(const AskedCallback& asked, const JsonValue& answer) {
    if (answer.is_null()) return std::nullopt;
    const JsonArray* const pair = items_of(answer, "$tuple");
    if (pair == nullptr || pair->size() != 2)
        asked.fail(answer, "None or a pair: the user's id, and None or a function for the response");
    const std::optional<std::string_view> user_id = text_of_answer((*pair)[0]);
    if (!user_id) asked.fail((*pair)[0], "the user's id");
    PythonLogin login{std::string(*user_id), std::nullopt};
    const JsonValue& on_response = (*pair)[1];
    if (on_response.is_null()) return login;
    const JsonValue* const handle = held_by(on_response, "$handle");
    if (handle == nullptr || !handle->is_int64()) asked.fail(on_response, "None or a function for the response");
    login.on_response = handle->get_int64();
    return login;
}

}  // namespace modapi
