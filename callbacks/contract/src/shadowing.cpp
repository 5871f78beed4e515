#include <callbacks/shadowing.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace callbacks::detail {

namespace {

constexpr std::size_t max_text = 200;

std::string cut(std::string_view text) {
    return text.size() <= max_text ? std::string(text) : std::string(text.substr(0, max_text)) + "...";
}

std::string number_of(std::size_t count, std::string_view what) {
    return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace

std::string answer_text(bool answer) { return answer ? "true" : "false"; }
std::string answer_text(int answer) { return std::to_string(answer); }
std::string answer_text(const std::string& answer) { return cut(answer); }

std::string answer_text(const Verdict& answer) {
    if (!answer.is_spam()) return "NOT_SPAM";
    std::string text(answer.errcode());
    if (answer.text()) text.append(" ").append(*answer.text());
    if (!answer.additional_fields().empty()) text.append(" with ").append(answer_text(answer.additional_fields()));
    return cut(text);
}

std::string answer_text(const EventDecision& answer) {
    if (!answer.allowed()) return "denied";
    return answer.replacement() ? "allowed, with another event in its place" : "allowed";
}

std::string answer_text(RegistrationBehaviour answer) {
    switch (answer) {
        case RegistrationBehaviour::ALLOW:
            return "ALLOW";
        case RegistrationBehaviour::SHADOW_BAN:
            return "SHADOW_BAN";
        case RegistrationBehaviour::DENY:
            break;
    }
    return "DENY";
}

std::string answer_text(const std::vector<MediaUploadLimit>& answer) {
    if (answer.empty()) return "without limit";
    std::string text;
    for (const MediaUploadLimit& limit : answer) {
        if (!text.empty()) text += ", ";
        text += std::to_string(limit.max_bytes()) + " bytes in " + std::to_string(limit.time_period_ms()) + " ms";
    }
    return cut(text);
}

std::string answer_text(const RatelimitOverride& answer) {
    if (answer.is_unlimited()) return "without limit";
    return std::to_string(answer.per_second()) + " per second, " + std::to_string(answer.burst_count()) + " at once";
}

std::string answer_text(const AuthResult& answer) { return cut(answer.user_id); }

// Names only: what their values are nobody knows here.
std::string answer_text(const JsonDict& fields) {
    if (fields.empty()) return "no fields";
    std::string names = fields.size() == 1 ? "the field" : "the fields";
    std::string_view separator = " ";
    for (const auto& field : fields) {
        names.append(separator).append(std::string_view(field.key()));
        separator = ", ";
    }
    return cut(names);
}

std::string answer_text(const UsersForStates& users) { return number_of(users.size(), "user"); }

std::string answer_text(const InterestedUsers& users) {
    return users.is_everyone() ? "everyone" : number_of(users.users().size(), "user");
}

std::string answer_text(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const SynapseError& error) {
        return cut(std::to_string(error.status()) + " " + std::string(error.errcode()) + " " + error.what());
    } catch (...) {
        return cut(message_of(std::current_exception()));
    }
}

std::string answer_text(const ChangedArguments& change) {
    return change.has_changed ? "with a change of what it was given" : "without a change";
}

bool same_answer(const Verdict& one, const Verdict& other) {
    if (!one.is_spam() || !other.is_spam()) return one.is_spam() == other.is_spam();
    return one.errcode() == other.errcode() && one.text() == other.text() &&
           one.additional_fields() == other.additional_fields();
}

bool same_answer(const EventDecision& one, const EventDecision& other) {
    return one.allowed() == other.allowed() && (!one.allowed() || one.replacement() == other.replacement());
}

bool ByLastPerKey::would_change(const WrittenFields& answer, const JsonDict& done) {
    for (const auto& field : answer.fields) {
        const JsonValue* const stands = done.if_contains(field.key());
        if (stands == nullptr) return true;
        if (*stands == field.value()) continue;
        // What somebody after it wrote would stand anyway.
        const JsonValue* const stood = answer.before.if_contains(field.key());
        if (stood != nullptr && *stood == *stands) return true;
    }
    return false;
}

bool ByUnion::would_change(const UsersForStates& answer, const UsersForStates& done) {
    return std::any_of(answer.begin(), answer.end(), [&](const auto& of_user) {
        const auto& [user, states] = of_user;
        const auto known = done.find(user);
        if (known == done.end()) return !states.empty();
        return std::any_of(states.begin(), states.end(),
                           [&](const UserPresenceState& state) { return !known->second.contains(state); });
    });
}

bool ByUnion::would_change(const InterestedUsers& answer, const InterestedUsers& done) {
    if (done.is_everyone()) return false;
    return answer.is_everyone() || std::any_of(answer.users().begin(), answer.users().end(),
                                               [&](const std::string& user) { return !done.contains(user); });
}

}  // namespace callbacks::detail
