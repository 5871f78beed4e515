#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/hosting/module_environment.h>

#include <async/notification.h>
#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Modules of which something has to be awaited before they can be built.
namespace {

using namespace std::chrono_literals;
using modapi::ConfigSection;
using modapi::ModuleApi;
using modapi::ModuleChanges;
using Lines = std::vector<std::string>;

Lines said;
Lines what_was_said() { return std::exchange(said, Lines()); }

/// Says what becomes of it. As `my.Prepared` it is prepared first, as `my.Plain` it isn't.
class Resident {
public:
    struct Config {
        std::string name;
        std::string trouble;  ///< of its preparation
        std::chrono::seconds takes{0};
        std::string made_of = "parsed";
    };
    static Config parse_config(const ConfigSection& config) {
        Config parsed;
        parsed.name = config.value_or<std::string>("name", "");
        parsed.trouble = config.value_or<std::string>("trouble", "");
        parsed.takes = std::chrono::seconds(config.value_or<std::int64_t>("takes", 0));
        return parsed;
    }
    Resident(Config config, ModuleApi& api) : config_(std::move(config)) {
        if (config_.trouble == "is not built") throw std::runtime_error("no luck");
        callbacks::SpamChecker spam;
        spam.user_may_create_room = async::bind<&Resident::judge>(this);
        api.register_spam_checker_callbacks(spam);
        note("built of " + config_.made_of);
    }
    ~Resident() { note("gone"); }
    Resident(const Resident&) = delete;
    Resident& operator=(const Resident&) = delete;
    void start() { note("start"); }
    void stop() { note("stop"); }

    static async::task<std::shared_ptr<const void>> prepare(std::shared_ptr<const void> parsed, ModuleApi& api) {
        auto made = std::make_shared<Config>(*static_cast<const Config*>(parsed.get()));
        said.push_back(made->name + " prepares for " + api.module_name());
        if (made->trouble == "fails") throw std::runtime_error("no luck");
        if (made->trouble == "dislikes") throw callbacks::ConfigError("is taken", {"name"});
        if (made->trouble == "never ends") co_await async::sleep_for(24h);
        if (made->takes.count() > 0) co_await async::sleep_for(made->takes);
        made->made_of = "prepared";
        modapi::registrations_of(api).background_calls.spawn("a resident", keep(made->name));
        said.push_back(made->name + " is prepared");
        co_return made;
    }

private:
    callbacks::Verdict judge(const std::string&) {
        note("asked");
        return callbacks::NOT_SPAM;
    }
    /// What its preparation leaves behind ends with its background calls.
    static async::task<void> keep(std::string name) {
        async::notification never;
        try {
            co_await never.wait();
        } catch (const async::operation_cancelled&) {
            said.push_back(name + " is given up");
        }
    }
    void note(const std::string& what) const { said.push_back(config_.name + " " + what); }

    Config config_;
};

class PreparedModulesTest : public testing::Test {
protected:
    PreparedModulesTest() {
        what_was_said();
        modapi::ModuleDefinition prepared = modapi::definition_of<Resident>();
        prepared.prepare = &Resident::prepare;
        resolver.add("my.Prepared", prepared);
        resolver.add<Resident>("my.Plain");
    }
    static std::string prepared(const std::string& config) { return "  - {module: my.Prepared, config: {" + config + "}}\n"; }
    static std::string plain(const std::string& config) { return "  - {module: my.Plain, config: {" + config + "}}\n"; }
    std::vector<modapi::ConfiguredModule> read(const std::string& entries) {
        const auto file = modapi::ConfigurationFile::parse("modules:\n" + entries, "hs.yaml");
        return modapi::configure_modules(file, resolver, [](const std::string& line) { ADD_FAILURE() << line; });
    }
    void serve_first(const std::string& entries) {
        under_test.construct_from("modules:\n" + entries, resolver);
        what_was_said();
    }
    async::testing::started<ModuleChanges> begin_change_to(const std::string& entries) {
        auto preparing = under_test.time.start(under_test.worker.prepare_next(read(entries)));
        under_test.run_ready();
        return preparing;
    }
    void serve_next() {
        under_test.worker.build_next();
        under_test.wait(under_test.worker.start_next());
        under_test.worker.hand_over();
        under_test.worker.serve_next();
        under_test.run_ready();
    }
    /// The line that keeps these from being next; what was begun is abandoned.
    std::string refusal_of(const std::string& entries) {
        std::string line = "nothing was thrown";
        try {
            static_cast<void>(under_test.wait(under_test.worker.prepare_next(read(entries))));
            under_test.worker.build_next();
        } catch (const modapi::ConfigurationError& error) {
            line = error.what();
        }
        under_test.wait(under_test.worker.abandon_next());
        return line;
    }
    static std::string line_of(const std::function<void()>& act) {
        try {
            act();
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    void ask() {
        static_cast<void>(under_test.wait(asked(under_test.worker)));
    }
    static async::task<bool> asked(modapi::ModuleHost& worker) {
        const std::string user = "@alice:example.org";
        const callbacks::JsonDict config;
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.user_may_create_room(user, config);
        co_return verdict.is_spam();
    }

    LogCapture log;
    modapi::ModuleResolver resolver{{}};
    WorkerUnderTest under_test;
};

TEST_F(PreparedModulesTest, ArePreparedInTheirOrderAndThenAllAreBuiltInThatOfTheList) {
    under_test.construct_from("modules:\n" + prepared("name: a, takes: 3") + plain("name: b") + prepared("name: c"), resolver);
    EXPECT_EQ(what_was_said(),
              (Lines{"a prepares for my.Prepared", "a is prepared", "c prepares for my.Prepared", "c is prepared",
                     "a built of prepared", "b built of parsed", "c built of prepared", "a start", "b start", "c start"}));
}

TEST_F(PreparedModulesTest, LetTheOthersAnswerMeanwhile) {
    serve_first(prepared("name: old") + plain("name: kept"));
    const auto preparing = begin_change_to(prepared("name: new, takes: 3") + plain("name: kept") + plain("name: more"));
    EXPECT_EQ(what_was_said(), Lines{"new prepares for my.Prepared"});
    under_test.advance(2s);
    ask();
    EXPECT_EQ(what_was_said(), (Lines{"old asked", "kept asked"}));
    EXPECT_FALSE(preparing.done());
    under_test.advance(1s);
    ASSERT_TRUE(preparing.done());
    EXPECT_EQ(preparing.result().replaced, Lines{"my.Prepared"});
    EXPECT_EQ(preparing.result().kept, Lines{"my.Plain"});
    EXPECT_EQ(preparing.result().added, Lines{"my.Plain"});
    ask();
    EXPECT_EQ(what_was_said(), (Lines{"new is prepared", "old asked", "kept asked"})) << "until they are all built and started";
    serve_next();
    EXPECT_EQ(what_was_said(), (Lines{"new built of prepared", "more built of parsed", "new start", "more start",
                                      "old is given up", "old stop", "old gone"}));
    ask();
    EXPECT_EQ(what_was_said(), (Lines{"new asked", "kept asked", "more asked"}));
}

TEST_F(PreparedModulesTest, AreNotPreparedAgainWhereTheirEntryIsTheSame) {
    serve_first(prepared("name: a"));
    const auto preparing = begin_change_to(plain("name: b") + prepared("name: a"));
    ASSERT_TRUE(preparing.done());
    EXPECT_TRUE(what_was_said().empty());
    serve_next();
    ask();
    EXPECT_EQ(what_was_said(), (Lines{"b built of parsed", "b start", "b asked", "a asked"}));
}

TEST_F(PreparedModulesTest, ChangeNothingWhereOneOfThemCannotBePrepared) {
    serve_first(prepared("name: old"));
    EXPECT_EQ(refusal_of(plain("name: p") + prepared("name: good") + prepared("name: bad, trouble: fails")),
              "hs.yaml:4: modules[2]: no luck (module my.Prepared)");
    EXPECT_EQ(what_was_said(), (Lines{"good prepares for my.Prepared", "good is prepared", "bad prepares for my.Prepared",
                                      "good is given up"}))
        << "and nothing was built";
    EXPECT_EQ(refusal_of(prepared("name: bad, trouble: dislikes")),
              "hs.yaml:2: modules[0].config.name: is taken (module my.Prepared)");
    what_was_said();
    ask();
    EXPECT_EQ(what_was_said(), Lines{"old asked"});
    ASSERT_TRUE(begin_change_to(prepared("name: better")).done());
    serve_next();
}

TEST_F(PreparedModulesTest, ChangeNothingWhereAnotherCannotBeBuilt) {
    serve_first(prepared("name: old"));
    EXPECT_EQ(refusal_of(prepared("name: good") + plain("name: bad, trouble: is not built")),
              "hs.yaml:3: modules[1]: no luck (module my.Plain)");
    EXPECT_EQ(what_was_said(), (Lines{"good prepares for my.Prepared", "good is prepared", "good built of prepared",
                                      "good is given up", "good gone"}));
    ask();
    EXPECT_EQ(what_was_said(), Lines{"old asked"});
}

TEST_F(PreparedModulesTest, HaveAsLongAsTheirStartMayTake) {
    serve_first(plain("name: old"));
    EXPECT_EQ(refusal_of(prepared("name: endless, trouble: never ends")),
              "hs.yaml:2: modules[0]: it couldn't be prepared within 60 s (module my.Prepared)");
    ask();
    EXPECT_EQ(what_was_said().back(), "old asked");
}

TEST_F(PreparedModulesTest, EndWithWhoWaitsForThem) {
    serve_first(plain("name: old"));
    const auto preparing = begin_change_to(prepared("name: ready") + prepared("name: endless, trouble: never ends"));
    preparing.cancel(async::cancel_reason::stopping);
    under_test.run_ready();
    ASSERT_TRUE(preparing.done());
    EXPECT_THROW(preparing.result(), async::operation_cancelled);
    what_was_said();
    under_test.stop();
    EXPECT_EQ(what_was_said(), (Lines{"ready is given up", "old stop", "old gone"}));
}

TEST_F(PreparedModulesTest, EndWithAStopThatComesBeforeTheyAreBuilt) {
    serve_first(plain("name: old"));
    ASSERT_TRUE(begin_change_to(prepared("name: ready")).done());
    what_was_said();
    under_test.stop();
    EXPECT_EQ(what_was_said(), (Lines{"ready is given up", "old stop", "old gone"}));
}

TEST_F(PreparedModulesTest, EndWithAFirstStartThatFails) {
    EXPECT_EQ(line_of([&] {
                  under_test.wait(under_test.worker.prepare_modules(
                      read(plain("name: p") + prepared("name: good") + prepared("name: bad, trouble: fails"))));
              }),
              "hs.yaml:4: modules[2]: no luck (module my.Prepared)");
    EXPECT_EQ(what_was_said().back(), "good is given up");
    EXPECT_TRUE(under_test.worker.module_statistics().empty());
    const std::string entries = prepared("name: good") + plain("name: bad, trouble: is not built");
    under_test.wait(under_test.worker.prepare_modules(read(entries)));
    EXPECT_EQ(line_of([&] { under_test.worker.construct_modules(); }), "hs.yaml:3: modules[1]: no luck (module my.Plain)");
    what_was_said();
    under_test.stop();
    EXPECT_EQ(what_was_said(), (Lines{"good is given up", "good gone"}));
}

TEST_F(PreparedModulesTest, AreRefusedByAHostThatDoesNotAwaitThem) {
    const std::string why =
        ": modules[1]: has to be prepared before it is built, which this host doesn't await (module my.Prepared)";
    const std::string entries = plain("name: p") + prepared("name: a");
    EXPECT_EQ(line_of([&] { under_test.worker.construct_modules(read(entries)); }), "hs.yaml:3" + why);
    EXPECT_EQ(what_was_said(), (Lines{"p built of parsed", "p gone"}));
    serve_first(plain("name: old"));
    EXPECT_EQ(line_of([&] { under_test.worker.build_next(read(entries)); }), "hs.yaml:3" + why);
    EXPECT_THROW(under_test.worker.build_next(), std::logic_error) << "nothing was left";
    ask();
    EXPECT_EQ(what_was_said().back(), "old asked");
}

TEST_F(PreparedModulesTest, AreOneListAtATime) {
    serve_first(plain("name: old"));
    const auto first = begin_change_to(prepared("name: first, takes: 3"));
    const auto second = begin_change_to(plain("name: second"));
    EXPECT_THROW(static_cast<void>(second.result()), std::logic_error);
    under_test.advance(3s);
    ASSERT_TRUE(first.done());
    serve_next();
    ask();
    EXPECT_EQ(what_was_said().back(), "first asked");
}

}  // namespace
