#pragma once

#include <callbacks/dispatchers.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// Arguments and answers for any callback, made from the types of its declaration.
namespace samples {

class NoFile final : public callbacks::ReadableFileWrapper {
public:
    async::task<std::span<const std::byte>> read_chunk() override { co_return std::span<const std::byte>(); }
    const std::string& path() const noexcept override { return path_; }
    std::unique_ptr<callbacks::ReadableFileWrapper> read_again() const override { return std::make_unique<NoFile>(); }

private:
    std::string path_ = "no file";
};

/// A value to pass for a parameter of type T; references are bound to it.
template <class T>
struct Argument {
    T value{};
};
template <>
struct Argument<callbacks::Event> {
    callbacks::Event value{callbacks::EventFields()};
};
template <>
struct Argument<callbacks::Requester> {
    callbacks::Requester value{callbacks::UserID("@alice:test")};
};
template <>
struct Argument<callbacks::RoomAlias> {
    callbacks::RoomAlias value{"#alias:test"};
};
template <>
struct Argument<callbacks::LoginType> {
    callbacks::LoginType value{"org.example.type", {"field"}};
};
template <>
struct Argument<callbacks::MediaUploadLimit> {
    callbacks::MediaUploadLimit value{1000, 3'600'000};
};
template <>
struct Argument<callbacks::ReadableFileWrapper> {
    NoFile value;
};

/// For an answer of type R: the one that lets the walk go on, the one that number `which` decides with, and whether a combined
/// result is what the deciding hook (none: nobody decided) makes it.
template <class R>
struct Answer;

template <>
struct Answer<callbacks::Verdict> {
    static callbacks::Verdict pass() { return callbacks::NOT_SPAM; }
    static callbacks::Verdict decide(int which) { return callbacks::reject("ORG_EXAMPLE_" + std::to_string(which), "no"); }
    static bool matches(const callbacks::Verdict& result, std::optional<int> decided) {
        if (!decided) return !result.is_spam();
        return result.is_spam() && result.errcode() == "ORG_EXAMPLE_" + std::to_string(*decided);
    }
};

template <>
struct Answer<callbacks::EventDecision> {
    static callbacks::EventDecision pass() { return callbacks::EVENT_ALLOWED; }
    static callbacks::EventDecision decide(int which) {
        callbacks::JsonDict replacement;
        replacement["which"] = which;
        return callbacks::EventDecision(true, std::move(replacement));
    }
    static bool matches(const callbacks::EventDecision& result, std::optional<int> decided) {
        if (!decided) return result == callbacks::EVENT_ALLOWED;
        return result.allowed() && result.replacement() && result.replacement()->at("which") == *decided;
    }
};

template <>
struct Answer<std::optional<callbacks::AuthResult>> {
    using type = std::optional<callbacks::AuthResult>;
    static type pass() { return std::nullopt; }
    static type decide(int which) { return callbacks::AuthResult("@user" + std::to_string(which) + ":test"); }
    static bool matches(const type& result, std::optional<int> decided) {
        if (!decided) return !result;
        return result && result->user_id == "@user" + std::to_string(*decided) + ":test";
    }
};

template <>
struct Answer<std::optional<callbacks::JsonDict>> {
    using type = std::optional<callbacks::JsonDict>;
    static type pass() { return callbacks::JsonDict(); }
    static type decide(int which) { return callbacks::JsonDict({{"which", which}}); }
    static bool matches(const type& result, std::optional<int> decided) {
        return decided ? result == decide(*decided) : !result;
    }
};

template <>
struct Answer<std::optional<std::vector<callbacks::MediaUploadLimit>>> {
    using type = std::optional<std::vector<callbacks::MediaUploadLimit>>;
    static type pass() { return std::nullopt; }
    static type decide(int which) {
        std::vector<callbacks::MediaUploadLimit> limits;
        if (which > 0) limits.emplace_back(which, 1000);
        return limits;
    }
    static bool matches(const type& result, std::optional<int> decided) {
        return decided ? result == decide(*decided) : !result;
    }
};

template <>
struct Answer<std::optional<callbacks::RatelimitOverride>> {
    using type = std::optional<callbacks::RatelimitOverride>;
    static type pass() { return std::nullopt; }
    static type decide(int which) { return callbacks::RatelimitOverride(0.5 * which, which); }
    static bool matches(const type& result, std::optional<int> decided) {
        return decided ? result == decide(*decided) : !result;
    }
};

template <>
struct Answer<std::optional<std::string>> {
    using type = std::optional<std::string>;
    static type pass() { return std::nullopt; }
    static type decide(int which) { return "name" + std::to_string(which); }
    static bool matches(const type& result, std::optional<int> decided) {
        return decided ? result == decide(*decided) : !result;
    }
};

template <>
struct Answer<std::optional<bool>> {
    using type = std::optional<bool>;
    static type pass() { return std::nullopt; }
    static type decide(int which) { return which % 2 == 0; }
    static bool matches(const type& result, std::optional<int> decided) {
        return decided ? result == decide(*decided) : !result;
    }
};

template <>
struct Answer<callbacks::RegistrationBehaviour> {
    using type = callbacks::RegistrationBehaviour;
    static type pass() { return type::ALLOW; }
    static type decide(int which) { return which % 2 == 0 ? type::DENY : type::SHADOW_BAN; }
    static bool matches(type result, std::optional<int> decided) { return result == (decided ? decide(*decided) : pass()); }
};

/// Every hook contributes key "shared" and a key of its own; the result is judged in the test of the merging rules.
template <>
struct Answer<callbacks::JsonDict> {
    static callbacks::JsonDict pass() { return {}; }
    static callbacks::JsonDict decide(int which) {
        callbacks::JsonDict fields;
        fields["shared"] = which;
        return fields;
    }
    static bool matches(const callbacks::JsonDict& result, std::optional<int> decided) {
        return result == (decided ? decide(*decided) : pass());
    }
};

template <>
struct Answer<callbacks::UsersForStates> {
    static callbacks::UsersForStates pass() { return {}; }
    static callbacks::UsersForStates decide(int which) {
        callbacks::UserPresenceState state;
        state.user_id = "@star" + std::to_string(which) + ":test";
        callbacks::UsersForStates users;
        users["@fan:test"].insert(state);
        return users;
    }
    static bool matches(const callbacks::UsersForStates& result, std::optional<int> decided) {
        return result == (decided ? decide(*decided) : pass());
    }
};

template <>
struct Answer<callbacks::InterestedUsers> {
    static callbacks::InterestedUsers pass() { return {}; }
    static callbacks::InterestedUsers decide(int) { return callbacks::PRESENCE_ALL_USERS; }
    static bool matches(const callbacks::InterestedUsers& result, std::optional<int> decided) {
        return result.is_everyone() == decided.has_value() && result.users().empty();
    }
};

template <>
struct Answer<int> {
    static int pass() { return 10; }
    static int decide(int which) { return 100 + which; }
    static bool matches(const std::optional<int>& result, std::optional<int> decided) {
        return decided ? result == decide(*decided) : !result;
    }
};

class FixedDuration {
public:
    explicit FixedDuration(int milliseconds) : milliseconds_(milliseconds) {}
    async::task<int> enter() { co_return milliseconds_; }
    async::task<void> exit(std::exception_ptr) { co_return; }

private:
    int milliseconds_;
};

template <>
struct Answer<async::context_manager<int>> {
    static async::context_manager<int> pass() { return FixedDuration(10); }
    static async::context_manager<int> decide(int which) { return FixedDuration(100 + which); }
    static bool matches(const std::optional<async::context_manager<int>>& result, std::optional<int> decided) {
        return result.has_value() == decided.has_value();
    }
};

}  // namespace samples
