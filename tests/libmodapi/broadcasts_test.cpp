#include "log_capture.h"
#include "worker_under_test.h"

#include <modapi/hosting/broadcasts.h>

#include <callbacks/errors.h>

#include <async/cached.h>
#include <async/sleep.h>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

/// What instances of a module tell each other on the workers of a process, and what their transactions invalidate there.
namespace {

using namespace std::chrono_literals;
using callbacks::JsonDict;
using modapi::ModuleApi;
using Lines = std::vector<std::string>;

/// Notes what it hears. The last one made is the one a test asks.
class Talking {
public:
    Talking(const JsonDict&, ModuleApi& api) : api_(api) {
        api.on_broadcast("greeting", async::bind<&Talking::hear>(this));
        api.on_broadcast("slow", async::bind<&Talking::hear_slowly>(this));
        api.on_broadcast("bad", &Talking::fail);
        api.register_cached_function(stored);
        last = this;
    }
    async::task<void> say(std::string topic, std::string text) {
        JsonDict content;
        content["text"] = text;
        co_await api_.broadcast(std::move(topic), std::move(content));
    }
    /// The error's code, or nothing.
    async::task<std::string> say_too_much(std::size_t bytes) {
        std::string code;
        try {
            co_await say("greeting", std::string(bytes, 'x'));
        } catch (const callbacks::SynapseError& error) {
            code = error.errcode();
        }
        co_return code;
    }
    async::task<std::string> fetch(const std::string& key) {
        ++fetched;
        co_return key + " " + std::to_string(fetched);
    }
    async::task<std::string> ask() { co_return co_await stored("key"); }
    async::task<void> invalidate(bool commits) {
        try {
            co_await api_.run_db_interaction("invalidate", &Talking::in_transaction, this, commits);
        } catch (const std::runtime_error&) {  // NOLINT: the test wants it
        }
    }

    static inline Talking* last = nullptr;
    async::cached<std::string(const std::string&)> stored{"stored", async::bind<&Talking::fetch>(this)};
    Lines heard;
    int fetched = 0;

private:
    void hear(const JsonDict& content) { heard.emplace_back(content.at("text").as_string()); }
    async::task<void> hear_slowly(const JsonDict& content) {
        const std::string text(content.at("text").as_string());
        heard.push_back(text + " begins");
        co_await async::sleep_for(1s);
        heard.push_back(text + " ends");
    }
    static void fail(const JsonDict&) { throw std::runtime_error("no luck"); }
    static void in_transaction(modapi::Transaction& transaction, Talking* self, bool commits) {
        transaction.invalidate_cache(self->stored, "key");
        if (!commits) throw std::runtime_error("rolled back");
    }

    ModuleApi& api_;
};

/// Two workers of one process.
class BroadcastTest : public testing::Test {
protected:
    BroadcastTest() {
        here.construct<Talking>();
        module_here = Talking::last;
        there.construct<Talking>();
        module_there = Talking::last;
    }
    [[nodiscard]] modapi::WorkerSettings settings() {
        modapi::WorkerSettings settings;
        settings.broadcasts = &broadcasts;
        return settings;
    }
    void run_ready() {
        here.run_ready();
        there.run_ready();
    }

    modapi::Broadcasts broadcasts;
    modapi::InProcessInvalidationBus bus;
    WorkerUnderTest here{settings(), &bus};
    WorkerUnderTest there{settings(), &bus};
    Talking* module_here = nullptr;
    Talking* module_there = nullptr;
};

TEST_F(BroadcastTest, ReachesAllInstancesTheOwnOneToo) {
    here.wait(module_here->say("greeting", "one"));
    here.wait(module_here->say("greeting", "two"));
    run_ready();
    EXPECT_EQ(module_here->heard, (Lines{"one", "two"}));
    EXPECT_EQ(module_there->heard, (Lines{"one", "two"}));
}

TEST_F(BroadcastTest, IsForItsTopicAlone) {
    here.wait(module_here->say("other", "one"));
    run_ready();
    EXPECT_EQ(module_there->heard, Lines());
}

TEST_F(BroadcastTest, WaitsForTheHandlerOfTheOneBefore) {
    here.wait(module_here->say("slow", "one"));
    here.wait(module_here->say("slow", "two"));
    here.wait(module_here->say("greeting", "three"));
    there.run_ready();
    EXPECT_EQ(module_there->heard, Lines{"one begins"});
    there.advance(1s);
    EXPECT_EQ(module_there->heard, (Lines{"one begins", "one ends", "two begins"}));
    there.advance(1s);
    EXPECT_EQ(module_there->heard, (Lines{"one begins", "one ends", "two begins", "two ends", "three"}));
}

TEST_F(BroadcastTest, OutlivesAHandlerThatThrows) {
    const LogCapture log;
    here.wait(module_here->say("bad", "one"));
    here.wait(module_here->say("greeting", "two"));
    run_ready();
    EXPECT_EQ(module_there->heard, Lines{"two"});
    EXPECT_TRUE(log.contains("an on_broadcast handler failed: no luck"));
}

TEST_F(BroadcastTest, OfMoreThan64KiBIsRefused) {
    constexpr std::size_t around_the_text = std::char_traits<char>::length(R"({"text":""})");
    EXPECT_EQ(here.wait(module_here->say_too_much(64 * 1024 - around_the_text)), "");
    EXPECT_EQ(here.wait(module_here->say_too_much(64 * 1024 - around_the_text + 1)), "M_TOO_LARGE");
    run_ready();
    EXPECT_EQ(module_there->heard.size(), 1U);
}

TEST_F(BroadcastTest, ThatWaitInVainAreDroppedWithALineOfTheLog) {
    const LogCapture log;
    here.wait(module_here->say("slow", "first"));
    there.run_ready();
    for (std::size_t number = 0; number <= modapi::ReceivedBroadcasts::most_waiting; ++number)
        here.wait(module_here->say("greeting", std::to_string(number)));
    there.run_ready();
    there.advance(1s);
    EXPECT_EQ(module_there->heard.size(), 2 + modapi::ReceivedBroadcasts::most_waiting);
    EXPECT_EQ(module_there->heard.back(), std::to_string(modapi::ReceivedBroadcasts::most_waiting - 1));
    EXPECT_TRUE(log.contains("broadcasts are dropped"));
}

TEST_F(BroadcastTest, IsNotHeardByAModuleThatHasStopped) {
    there.stop();
    here.wait(module_here->say("greeting", "one"));
    run_ready();
    EXPECT_EQ(module_here->heard, Lines{"one"});
}

/// One worker: the other's database is another one.
TEST_F(BroadcastTest, AnInvalidationInATransactionTakesEffectWithItsCommitBeforeTheInteractionIsThrough) {
    EXPECT_EQ(here.wait(module_here->ask()), "key 1");
    here.wait(module_here->invalidate(true));
    EXPECT_EQ(here.wait(module_here->ask()), "key 2");
}

TEST_F(BroadcastTest, AnInvalidationInATransactionThatIsRolledBackDropsNothing) {
    EXPECT_EQ(here.wait(module_here->ask()), "key 1");
    here.wait(module_here->invalidate(false));
    EXPECT_EQ(here.wait(module_here->ask()), "key 1");
}

}  // namespace
