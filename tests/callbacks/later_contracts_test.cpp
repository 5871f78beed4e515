#include <callbacks/dispatchers.h>

#include <async/bind.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What callbacks got with later versions of the contract, and modules that were written before.
namespace {

using callbacks::Codes;
using callbacks::Dispatchers;
using callbacks::JsonDict;
using callbacks::MediaUploadLimit;
using callbacks::NOT_SPAM;
using callbacks::RatelimitOverride;
using callbacks::StateEventVerdict;
using callbacks::Verdict;

/// A module in the old form and in the new one, each as functions and as coroutines.
class Author {
public:
    Verdict old_form(const std::string& user_id) { return note("old " + user_id); }
    async::task<Verdict> old_coroutine(const std::string& user_id) { co_return note("old coroutine " + user_id); }
    Verdict new_form(const std::string& user_id, const JsonDict& config) {
        return note("new " + user_id + " " + std::string(config.at("name").as_string()));
    }
    async::task<Verdict> new_coroutine(const std::string& user_id, JsonDict config) {
        const std::string name(config.at("name").as_string());
        config.clear();
        co_return note("new coroutine " + user_id + " " + name);
    }

    std::vector<std::string> noted;

private:
    Verdict note(std::string what) {
        noted.push_back(std::move(what));
        return NOT_SPAM;
    }
};

Verdict free_function(const std::string& user_id) {
    return user_id == "@mallory:test" ? Verdict(Codes::FORBIDDEN) : Verdict(NOT_SPAM);
}

TEST(LaterContracts, ACallbackMayBeRegisteredWithAndWithoutItsLaterArgument) {
    async::testing::simulation time;
    Author author;
    Dispatchers dispatchers;
    const auto add = [&](const auto& callable) {
        callbacks::register_callbacks(dispatchers, "m", callbacks::SpamChecker{.user_may_create_room = callable}, nullptr);
    };
    add(async::bind<&Author::old_form>(&author));
    add(async::bind<&Author::old_coroutine>(&author));
    add(async::bind<&Author::new_form>(&author));
    add(async::bind<&Author::new_coroutine>(&author));
    add(&free_function);
    add([&author](const std::string& user_id) { return author.old_form("captured " + user_id); });
    const std::string alice = "@alice:test";
    const JsonDict config{{"name", "hall"}};
    EXPECT_TRUE(time.run(dispatchers.spam_checker.user_may_create_room(alice, config)) == NOT_SPAM);
    EXPECT_EQ(author.noted,
              (std::vector<std::string>{"old @alice:test", "old coroutine @alice:test", "new @alice:test hall",
                                        "new coroutine @alice:test hall", "old captured @alice:test"}));
    EXPECT_EQ(config.size(), 1U) << "a module that takes it by value has a copy";
    const std::string mallory = "@mallory:test";
    EXPECT_TRUE(time.run(dispatchers.spam_checker.user_may_create_room(mallory, config)).is_spam());
}

/// An object that is called like a function, in the old form, and goes on with what it holds after it has waited.
class Waiting {
public:
    explicit Waiting(std::vector<std::string>& noted) : noted_(noted) {}
    async::task<bool> operator()(callbacks::UserProfile profile) {
        co_await async::sleep_for(std::chrono::seconds(1));
        noted_.push_back(held_ + profile.user_id);
        co_return true;
    }

private:
    std::vector<std::string>& noted_;
    std::string held_ = "a text that is too long for any small buffer of a string, so that it would be freed";
};

TEST(LaterContracts, AnObjectInTheOldFormLivesAsLongAsItsRegistration) {
    async::testing::simulation time;
    std::vector<std::string> noted;
    Dispatchers dispatchers;
    callbacks::register_callbacks(dispatchers, "m", callbacks::SpamChecker{.check_username_for_spam = Waiting(noted)}, nullptr);
    callbacks::UserProfile bob;
    bob.user_id = "@bob:test";
    const std::string alice = "@alice:test";
    EXPECT_TRUE(time.run(dispatchers.spam_checker.check_username_for_spam(bob, alice)));
    EXPECT_EQ(noted.size(), 1U);
}

TEST(LaterContracts, EachCallbackSaysSinceWhenItExists) {
    const auto since = [](std::string_view name) { return callbacks::description_of(name)->since; };
    EXPECT_EQ(since("check_event_for_spam"), "1.37.0");
    EXPECT_EQ(since("federated_user_may_invite"), "1.134.0");
    EXPECT_EQ(since("on_media_upload_limit_exceeded"), "1.139.0");
    EXPECT_EQ(callbacks::description_of("check_username_for_spam")->later_argument.version, "1.122.0");
    EXPECT_EQ(callbacks::description_of("user_may_create_room")->later_argument.position, 1U);
    EXPECT_TRUE(callbacks::description_of("user_may_invite")->later_argument.version.empty());
}

std::optional<JsonDict> nothing(const std::string&) { return std::nullopt; }
std::optional<JsonDict> emptiness(const std::string&) { return JsonDict(); }
std::optional<JsonDict> size_of_ten(const std::string&) { return JsonDict{{"m.upload.size", 10}}; }

TEST(LaterContracts, AnEmptyMediaConfigurationCountsAsNone) {
    async::testing::simulation time;
    Dispatchers dispatchers;
    const std::string alice = "@alice:test";
    for (const auto& callable : {&nothing, &emptiness, &size_of_ten}) {
        EXPECT_EQ(time.run(dispatchers.media_repository.get_media_config_for_user(alice)), std::nullopt);
        callbacks::register_callbacks(dispatchers, "m", callbacks::MediaRepository{.get_media_config_for_user = callable}, nullptr);
    }
    EXPECT_EQ(time.run(dispatchers.media_repository.get_media_config_for_user(alice)), (JsonDict{{"m.upload.size", 10}}));
}

std::optional<RatelimitOverride> no_number(const std::string&, const std::string&) { return RatelimitOverride(std::nan(""), 1); }

TEST(LaterContracts, ALimitThatIsAbsurdIsTheFailureOfTheModuleThatAnswersIt) {
    EXPECT_THROW(MediaUploadLimit(-1, 1000), std::invalid_argument);
    EXPECT_THROW(MediaUploadLimit(1000, 0), std::invalid_argument);
    EXPECT_THROW(MediaUploadLimit(1000, -5), std::invalid_argument);
    EXPECT_THROW(MediaUploadLimit(1000, std::numeric_limits<std::int64_t>::max()), std::invalid_argument);
    EXPECT_EQ(MediaUploadLimit(0, 1).max_bytes(), 0);
    EXPECT_THROW(RatelimitOverride(-0.1, 1), std::invalid_argument);
    EXPECT_THROW(RatelimitOverride(std::numeric_limits<double>::infinity(), 1), std::invalid_argument);
    EXPECT_THROW(RatelimitOverride(1, -1), std::invalid_argument);
    EXPECT_THROW(RatelimitOverride(1, std::numeric_limits<std::int64_t>::max()), std::invalid_argument);
    EXPECT_TRUE(RatelimitOverride(0, 0).is_unlimited());
    EXPECT_FALSE(RatelimitOverride(0.001, 0).is_unlimited());
    async::testing::simulation time;
    Dispatchers dispatchers;
    callbacks::register_callbacks(dispatchers, "m", callbacks::Ratelimit{.get_ratelimit_override_for_user = &no_number}, nullptr);
    const std::string alice = "@alice:test";
    const std::string limiter = "rc_invites.per_user";
    EXPECT_THROW(static_cast<void>(time.run(dispatchers.ratelimit.get_ratelimit_override_for_user(alice, limiter))),
                 std::invalid_argument);
}

TEST(LaterContracts, ACodeWithFieldsForbidsAStateEventWithoutThem) {
    const Verdict pair = StateEventVerdict(Codes::CONSENT_NOT_GIVEN, JsonDict{{"why", "rules"}});
    EXPECT_EQ(pair.errcode(), "M_FORBIDDEN");
    EXPECT_TRUE(pair.additional_fields().empty());
    EXPECT_TRUE(pair.fields_were_ignored());
    const Verdict made_elsewhere = StateEventVerdict(Verdict(Codes::CONSENT_NOT_GIVEN, JsonDict{{"why", "rules"}}));
    EXPECT_EQ(made_elsewhere.errcode(), "M_FORBIDDEN");
    const Verdict code = StateEventVerdict(Codes::CONSENT_NOT_GIVEN);
    EXPECT_EQ(code.errcode(), "M_CONSENT_NOT_GIVEN");
    EXPECT_FALSE(code.fields_were_ignored());
    const Verdict own = StateEventVerdict(callbacks::reject("ORG_EXAMPLE_NO", "not here"));
    EXPECT_EQ(own.errcode(), "ORG_EXAMPLE_NO");
    EXPECT_EQ(own.text(), "not here");
    EXPECT_FALSE(StateEventVerdict(NOT_SPAM).is_spam());
}

}  // namespace
