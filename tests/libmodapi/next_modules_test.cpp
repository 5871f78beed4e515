#include "log_capture.h"
#include "worker_under_test.h"

#include <async/cached.h>
#include <async/notification.h>
#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Another list of modules that takes the place of those that are asked, on one worker.
namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::ModuleApi;
using modapi::ModuleChanges;
using Lines = std::vector<std::string>;

/// A module that says what it does; `config: {name, ...}` what that is.
class Tenant {
public:
    Tenant(JsonDict config, ModuleApi& api) : config_(std::move(config)), name_(text("name")), api_(api) {
        if (says("fails_to_be_built")) throw std::runtime_error("no luck");
        api.register_spam_checker_callbacks({.user_may_create_room = async::bind<&Tenant::user_may_create_room>(this)});
        if (says("path")) api.register_web_resource(text("path"), std::make_shared<Page>(name_));
        if (says("ticks")) api.looping_background_call_on_all_instances(async::bind<&Tenant::tick>(this), modapi::Every(1s));
        if (says("checks"))
            api.register_password_auth_provider_callbacks(
                {.auth_checkers = {{callbacks::LoginType("my.type", {text("checks")}), async::bind<&Tenant::check>(this)}}});
        api.register_cached_function(fetched);
        newest = this;
    }
    ~Tenant() { note("gone"); }
    Tenant(const Tenant&) = delete;
    Tenant& operator=(const Tenant&) = delete;

    async::task<void> start() {
        note("start");
        if (says("fails_to_start")) throw std::runtime_error("no luck");
        if (says("starts_slowly")) co_await async::sleep_for(1s);
    }
    async::task<void> stop() {
        note("stop");
        if (says("hangs_in_stop")) co_await async::sleep_for(24h);
        if (says("waits_in_stop")) co_await async::sleep_for(1s);
    }
    JsonDict save() {
        if (says("fails_to_save")) throw std::runtime_error("no luck");
        JsonDict saved;
        saved["asked"] = asked_;
        return saved;
    }
    void restore(const JsonDict& saved) {
        if (says("fails_to_restore")) throw std::runtime_error("no luck");
        asked_ = static_cast<int>(saved.at("asked").as_int64());
        note("restored " + std::to_string(asked_));
    }

    async::task<int> fetch(int number) {
        note("fetch " + std::to_string(number));
        co_return number;
    }
    async::task<void> forget(int number) { co_await api_.invalidate_cache(fetched, number); }
    void register_later() { api_.register_spam_checker_callbacks({.user_may_publish_room = async::bind<&Tenant::publish>(this)}); }
    async::task<void> block() {
        co_await api_.defer_to_thread([] {});
    }

    static Lines take() { return std::exchange(lines, Lines()); }
    static inline Lines lines;
    static inline Tenant* newest = nullptr;

    async::cached<int(int)> fetched{"fetched", async::bind<&Tenant::fetch>(this)};

private:
    class Page final : public modapi::WebResource {
    public:
        explicit Page(std::string name) : name_(std::move(name)) {}
        async::task<modapi::Response> handle(const modapi::Request& request) override {
            if (request.argument("slowly")) co_await async::sleep_for(1s);
            modapi::Response response;
            response.body = name_;
            co_return response;
        }

    private:
        std::string name_;
    };

    async::task<callbacks::Verdict> user_may_create_room(const std::string& user) {
        ++asked_;
        if (user == "@slow:example.org") co_await async::sleep_for(1s);
        note("asked about " + user);
        if (says("denies")) co_return callbacks::Codes::FORBIDDEN;
        co_return callbacks::NOT_SPAM;
    }
    callbacks::Verdict publish(const std::string&, const std::string&) {
        note("publish");
        return callbacks::NOT_SPAM;
    }
    void tick() { note("tick"); }
    std::optional<callbacks::AuthResult> check(const std::string&, const std::string&, const JsonDict&) {
        callbacks::AuthResult accepted("@alice:example.org");
        accepted.on_response = [this](callbacks::LoginResponse&) { note("response"); };
        return accepted;
    }

    [[nodiscard]] bool says(std::string_view key) const { return config_.contains(key); }
    [[nodiscard]] std::string text(std::string_view key) const { return std::string(config_.at(key).as_string()); }
    void note(const std::string& what) const { lines.push_back(name_ + " " + what); }

    JsonDict config_;
    std::string name_;
    ModuleApi& api_;
    int asked_ = 0;
};

class NextModules : public testing::Test {
protected:
    NextModules() {
        Tenant::lines.clear();
        resolver.add<Tenant>("my.Tenant");
        resolver.add<Tenant>("my.Other");
    }
    static modapi::WorkerSettings settings() {
        modapi::WorkerSettings limited;
        limited.stop_deadline = 2s;
        limited.start_deadline = 60s;
        return limited;
    }
    static std::string entry(const std::string& config, const std::string& module = "my.Tenant") {
        return "  - {module: " + module + ", config: {" + config + "}}\n";
    }
    void serve_first(const std::string& entries) { under_test.construct_from("modules:\n" + entries, resolver); }
    std::vector<modapi::ConfiguredModule> read(const std::string& entries) {
        const auto file = modapi::ConfigurationFile::parse("modules:\n" + entries, "next.yaml");
        return modapi::configure_modules(file, resolver, [](const std::string&) {});
    }
    ModuleChanges build(const std::string& entries) {
        const std::vector<modapi::ConfiguredModule> modules = read(entries);
        return under_test.worker.build_next(modules);
    }
    ModuleChanges change_to(const std::string& entries) {
        const ModuleChanges changes = build(entries);
        under_test.wait(under_test.worker.start_next());
        under_test.worker.hand_over();
        under_test.worker.serve_next();
        return changes;
    }
    /// The line that keeps these from being next; what was built is abandoned.
    std::string refusal_of(const std::string& entries) {
        std::string line;
        try {
            build(entries);
            under_test.wait(under_test.worker.start_next());
            under_test.worker.hand_over();
        } catch (const modapi::ConfigurationError& error) {
            line = error.what();
        }
        under_test.wait(under_test.worker.abandon_next());
        return line;
    }
    async::testing::started<bool> ask_about(const std::string& user) { return under_test.time.start(may_create(user)); }
    bool is_allowed(const std::string& user) { return under_test.wait(may_create(user)); }
    async::task<bool> may_create(std::string user) {
        const callbacks::JsonDict config;
        const callbacks::Verdict verdict = co_await under_test.worker.hooks().spam_checker.user_may_create_room(user, config);
        co_return is_not_spam(verdict);
    }
    static bool is_not_spam(const callbacks::Verdict& verdict) { return verdict == callbacks::NOT_SPAM; }
    std::optional<std::string> get(const std::string& target) { return under_test.wait(page(target)); }
    async::task<std::optional<std::string>> page(std::string target) {
        const modapi::Request request = modapi::Request::of("GET", target);
        const std::optional<modapi::Response> response = co_await under_test.worker.serve(request);
        if (!response) co_return std::nullopt;
        co_return response->body;
    }

    async::task<std::optional<callbacks::AuthResult>> log_in() {
        const std::string user = "alice";
        const std::string type = "my.type";
        const JsonDict given;
        const callbacks::LoginType wanted("my.type", {"a"});
        std::optional<callbacks::AuthResult> accepted =
            co_await under_test.worker.hooks().password_auth_provider.auth_checkers(wanted, user, type, given);
        co_return accepted;
    }
    async::task<callbacks::Verdict> publish() {
        const std::string user = "@x:example.org";
        const std::string room = "!r:example.org";
        const callbacks::Verdict verdict = co_await under_test.worker.hooks().spam_checker.user_may_publish_room(user, room);
        co_return verdict;
    }

    LogCapture log;
    modapi::ModuleResolver resolver{{}};
    WorkerUnderTest under_test{settings()};
};

TEST_F(NextModules, KeepTheInstanceOfAnEntryThatDidNotChangeWithWhatWasCountedOfIt) {
    serve_first(entry("name: a") + entry("name: b", "my.Other"));
    EXPECT_TRUE(is_allowed("@x:example.org"));
    const ModuleChanges changes = change_to(entry("name: c", "my.Other") + entry("name: a"));
    EXPECT_EQ(changes.kept, Lines{"my.Tenant"});
    EXPECT_EQ(changes.replaced, Lines{"my.Other"});
    EXPECT_TRUE(changes.added.empty() && changes.removed.empty());
    under_test.run_ready();
    Tenant::take();
    EXPECT_TRUE(is_allowed("@y:example.org"));
    EXPECT_EQ(Tenant::take(), (Lines{"c asked about @y:example.org", "a asked about @y:example.org"}));
    const std::vector<modapi::ModuleStatistics> counted = under_test.worker.module_statistics();
    ASSERT_EQ(counted.size(), 2U);
    EXPECT_EQ(counted[0].module, "my.Other");
    EXPECT_EQ(counted[0].callbacks.at(0).calls, 1U);
    EXPECT_EQ(counted[1].module, "my.Tenant");
    EXPECT_EQ(counted[1].callbacks.at(0).calls, 2U);
}

TEST_F(NextModules, SayWhatIsAddedAndRemovedOnceForEachEntry) {
    serve_first(entry("name: a") + entry("name: a") + entry("name: b"));
    const ModuleChanges changes = change_to(entry("name: a") + entry("name: o", "my.Other"));
    EXPECT_EQ(changes.kept, Lines{"my.Tenant"});
    EXPECT_EQ(changes.added, Lines{"my.Other"});
    EXPECT_EQ(changes.removed, (Lines{"my.Tenant", "my.Tenant"}));
    EXPECT_TRUE(changes.replaced.empty());
}

TEST_F(NextModules, AreAskedFromTheSwitchOnAndTheOthersEndWithTheLastCallThatFoundThem) {
    serve_first(entry("name: old"));
    const auto before = ask_about("@slow:example.org");
    under_test.run_ready();
    change_to(entry("name: new, denies: true"));
    EXPECT_FALSE(is_allowed("@x:example.org"));
    EXPECT_EQ(Tenant::take(), (Lines{"old start", "new start", "new restored 1", "new asked about @x:example.org"}));
    under_test.advance(1s);
    ASSERT_TRUE(before.done());
    EXPECT_TRUE(before.result());
    EXPECT_EQ(Tenant::take(), (Lines{"old asked about @slow:example.org", "old stop", "old gone"}));
    EXPECT_TRUE(log.contains("module my.Tenant: its old instance has ended")) << log.text();
}

TEST_F(NextModules, HaveWhatTheirPredecessorsSaved) {
    serve_first(entry("name: old") + entry("name: other", "my.Other"));
    EXPECT_TRUE(is_allowed("@x:example.org"));
    EXPECT_TRUE(is_allowed("@y:example.org"));
    Tenant::take();
    change_to(entry("name: new") + entry("name: second"));
    EXPECT_EQ(Tenant::take(), (Lines{"new start", "second start", "new restored 2"}));
}

TEST_F(NextModules, ChangeNothingWhereOneCannotBeBuilt) {
    serve_first(entry("name: old"));
    Tenant::take();
    EXPECT_EQ(refusal_of(entry("name: new") + entry("name: bad, fails_to_be_built: true")),
              "next.yaml:3: modules[1]: no luck (module my.Tenant)");
    EXPECT_EQ(Tenant::take(), Lines{"new gone"});
    EXPECT_TRUE(is_allowed("@x:example.org"));
    EXPECT_EQ(Tenant::take(), Lines{"old asked about @x:example.org"});
    change_to(entry("name: better"));
}

TEST_F(NextModules, ChangeNothingWhereOneDoesNotStartAndStopWhoDid) {
    serve_first(entry("name: old"));
    Tenant::take();
    EXPECT_EQ(refusal_of(entry("name: new") + entry("name: bad, fails_to_start: true")),
              "next.yaml:3: modules[1]: start() failed: no luck (module my.Tenant)");
    EXPECT_EQ(Tenant::take(), (Lines{"new start", "bad start", "new stop", "bad gone", "new gone"}));
    EXPECT_TRUE(is_allowed("@x:example.org"));
}

TEST_F(NextModules, ChangeNothingWhereWhatIsSavedIsNotRestored) {
    serve_first(entry("name: old"));
    EXPECT_EQ(refusal_of(entry("name: new, fails_to_restore: true")),
              "next.yaml:2: modules[0]: restore() failed: no luck (module my.Tenant)");
    change_to(entry("name: mute, fails_to_save: true"));
    EXPECT_EQ(refusal_of(entry("name: new")), "next.yaml:2: modules[0]: save() failed: no luck (module my.Tenant)");
    EXPECT_TRUE(is_allowed("@x:example.org"));
    EXPECT_EQ(Tenant::take().back(), "mute asked about @x:example.org");
}

TEST_F(NextModules, BeginTheirBackgroundCallsAtTheSwitchWhereTheOldOnesEnd) {
    serve_first(entry("name: old, ticks: true") + entry("name: kept, ticks: true", "my.Other"));
    under_test.advance(1s);
    Tenant::take();
    build(entry("name: new, ticks: true") + entry("name: kept, ticks: true", "my.Other"));
    under_test.wait(under_test.worker.start_next());
    under_test.advance(1s);
    EXPECT_EQ(Tenant::take(), (Lines{"new start", "old tick", "kept tick"}));
    under_test.worker.hand_over();
    under_test.worker.serve_next();
    under_test.run_ready();
    under_test.advance(1s);
    EXPECT_EQ(Tenant::take(), (Lines{"new restored 0", "old stop", "old gone", "kept tick", "new tick"}));
}

TEST_F(NextModules, ServeTheirResourcesFromTheSwitchOn) {
    serve_first(entry("name: old, path: /_synapse/client/a") + entry("name: kept, path: /_synapse/client/k", "my.Other"));
    const auto before = under_test.time.start(page("/_synapse/client/a?slowly=1"));
    under_test.run_ready();
    build(entry("name: new, path: /_synapse/client/b") + entry("name: kept, path: /_synapse/client/k", "my.Other"));
    EXPECT_FALSE(get("/_synapse/client/b"));
    under_test.worker.serve_next();
    EXPECT_EQ(get("/_synapse/client/b"), "new");
    EXPECT_EQ(get("/_synapse/client/k"), "kept");
    EXPECT_FALSE(get("/_synapse/client/a"));
    Tenant::take();
    under_test.advance(1s);
    EXPECT_EQ(before.result(), "old");
    EXPECT_EQ(Tenant::take().back(), "old gone");
}

TEST_F(NextModules, AreRefusedWhereOneThatIsKeptHasWhatAnEarlierOneWants) {
    const std::string kept = entry("name: kept, path: /_synapse/client/k, checks: a", "my.Other");
    serve_first(kept);
    EXPECT_EQ(refusal_of(entry("name: new, path: /_synapse/client/k") + kept),
              "next.yaml:3: modules[1]: its web resource /_synapse/client/k is one of module my.Tenant, which comes before it now "
              "(module my.Other)");
    EXPECT_NE(refusal_of(entry("name: new, checks: b") + kept).find("next.yaml:3: modules[1]: tried to register an auth checker"),
              std::string::npos);
    EXPECT_EQ(get("/_synapse/client/k"), "kept");
}

TEST_F(NextModules, GetWhatAnotherOneHadToDoWithout) {
    const std::string second = entry("name: second, path: /_synapse/client/k");
    serve_first(entry("name: first, path: /_synapse/client/k", "my.Other") + second);
    EXPECT_EQ(get("/_synapse/client/k"), "first");
    const ModuleChanges changes = change_to(second);
    EXPECT_EQ(changes.replaced, Lines{"my.Tenant"});
    EXPECT_EQ(get("/_synapse/client/k"), "second");
}

TEST_F(NextModules, HearOfWhatIsNoLongerTrueWhileBothLive) {
    serve_first(entry("name: old"));
    Tenant& old = *Tenant::newest;
    const auto before = ask_about("@slow:example.org");
    under_test.run_ready();
    build(entry("name: new"));
    Tenant& next = *Tenant::newest;
    const auto ask = [&](Tenant& tenant) { return under_test.wait(tenant.fetched(7)); };
    Tenant::take();
    ask(old);
    ask(next);
    under_test.wait(old.forget(7));
    ask(old);
    ask(next);
    EXPECT_EQ(Tenant::take(), (Lines{"old fetch 7", "new fetch 7", "old fetch 7", "new fetch 7"}));
    under_test.worker.serve_next();
    under_test.wait(next.forget(7));
    ask(old);
    EXPECT_EQ(Tenant::take(), Lines{"old fetch 7"});
    under_test.advance(1s);
    under_test.wait(next.forget(7));
}

TEST_F(NextModules, CutAStopThatHangs) {
    serve_first(entry("name: old, hangs_in_stop: true"));
    change_to("");
    under_test.run_ready();
    under_test.advance(1999ms);
    EXPECT_NE(Tenant::take().back(), "old gone");
    under_test.advance(1ms);
    EXPECT_EQ(Tenant::take().back(), "old gone");
    EXPECT_TRUE(log.contains("error: module my.Tenant: stop() has not ended within 2 s")) << log.text();
}

TEST_F(NextModules, LetAnInstanceLiveAsLongAsItsAnswersAreInUse) {
    serve_first(entry("name: old, checks: a"));
    std::optional<callbacks::AuthResult> accepted = under_test.wait(log_in());
    ASSERT_TRUE(accepted.has_value());
    change_to("");
    under_test.advance(10s);
    Tenant::take();
    callbacks::LoginResponse response;
    under_test.wait(accepted->on_response.get()(response));
    EXPECT_EQ(Tenant::take(), Lines{"old response"});
    accepted.reset();
    under_test.run_ready();
    EXPECT_EQ(Tenant::take(), (Lines{"old stop", "old gone"}));
}

TEST_F(NextModules, LetAnInstanceLiveAsLongAsItsRunsInShadowMode) {
    serve_first("  - {module: my.Tenant, config: {name: old}, callbacks: {mode: shadow}}\n");
    EXPECT_TRUE(is_allowed("@slow:example.org"));
    change_to("");
    under_test.run_ready();
    Tenant::take();
    under_test.advance(1s);
    EXPECT_EQ(Tenant::take(), (Lines{"old asked about @slow:example.org", "old stop", "old gone"}));
}

TEST_F(NextModules, KeepWhatAKeptOneRegistersMeanwhile) {
    const std::string kept = entry("name: kept");
    serve_first(kept);
    Tenant& instance = *Tenant::newest;
    build(kept + entry("name: new", "my.Other"));
    under_test.wait(under_test.worker.start_next());
    instance.register_later();
    under_test.worker.serve_next();
    EXPECT_FALSE(under_test.worker.hooks().spam_checker.user_may_publish_room.empty());
    instance.register_later();
    Tenant::take();
    EXPECT_TRUE(is_not_spam(under_test.wait(publish())));
    EXPECT_EQ(Tenant::take(), (Lines{"kept publish", "kept publish"}));
}

TEST_F(NextModules, AreAbandonedByAStopThatAlsoWaitsForThoseThatEnd) {
    serve_first(entry("name: old, waits_in_stop: true"));
    change_to(entry("name: new"));
    build(entry("name: never"));
    under_test.wait(under_test.worker.start_next());
    Tenant::take();
    under_test.stop();
    EXPECT_EQ(Tenant::take(), (Lines{"never stop", "never gone", "old gone", "new stop", "new gone"}));
}

TEST_F(NextModules, AreBuiltOnceAtATime) {
    serve_first("");
    build(entry("name: a"));
    EXPECT_THROW(build(entry("name: b")), std::logic_error);
}

}  // namespace
