#include "log_capture.h"
#include "test_database.h"

#include <modapi/hosting/in_process_bus.h>
#include <modapi/hosting/shared_messages.h>

#include <async/scope.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What processes leave each other as rows, on a real server. Each process is a Database of its own; time is virtual, and a reading
/// takes what it takes.
namespace {

using namespace std::chrono_literals;
using modapi::Database;
using modapi::SharedMessages;
using modapi::Transaction;
using Texts = std::vector<std::string>;

struct Correspondent {
    Correspondent(const modapi::DatabaseSettings& settings, modapi::Bus& bus, const async::environment& where,
                  const std::string& instance, const SharedMessages::Settings& how)
        : database(Database::open(settings)),
          messages(*database, bus, instance, where, how),
          scope(where, [](std::string_view what, const std::exception_ptr&) { ADD_FAILURE() << what << " has ended"; }) {
        messages.listen("news", [this](const modapi::SharedMessage& message) { heard.push_back(message.sender + ": " + message.text); });
        messages.on_gap([this] { ++gaps; });
        messages.open();
    }

    std::unique_ptr<Database> database;
    SharedMessages messages;
    async::scope scope;
    Texts heard;
    int gaps = 0;
};

class SharedMessagesTest : public testing::Test {
protected:
    SharedMessagesTest() {
        const std::unique_ptr<Database> database = Database::open(settings());
        async::sync_wait(database->run("create", [](Transaction& transaction) { SharedMessages::create(transaction); }));
        a = open("a");
        b = open("b");
    }
    ~SharedMessagesTest() override {
        for (Correspondent* const each : {a.get(), b.get()}) {
            if (each == nullptr) continue;
            each->scope.cancel();
            time.run(each->scope.join());
        }
    }
    SharedMessagesTest(const SharedMessagesTest&) = delete;
    SharedMessagesTest& operator=(const SharedMessagesTest&) = delete;

    [[nodiscard]] modapi::DatabaseSettings settings() const {
        modapi::DatabaseSettings settings = test_database.settings();
        settings.postgresql_connections = 3;
        return settings;
    }
    [[nodiscard]] std::unique_ptr<Correspondent> open(const std::string& instance) {
        auto opened = std::make_unique<Correspondent>(settings(), bus, time.environment(), instance, how);
        opened->messages.begin(opened->scope);
        time.run_ready();
        return opened;
    }
    void send(Correspondent& from, const std::string& text) {
        time.run(SharedMessages::send(from.messages, "news", text));
    }
    /// Lets readings happen until it is so.
    void advance_until(const std::function<bool()>& is_so) {
        const auto give_up_at = std::chrono::steady_clock::now() + 20s;
        while (!is_so() && std::chrono::steady_clock::now() < give_up_at) time.advance(100ms);
        EXPECT_TRUE(is_so());
    }
    void read_on(std::size_t count) {
        advance_until([&] { return b->heard.size() >= count; });
    }
    void run(Correspondent& on, const std::function<void(Transaction&)>& work) {
        async::sync_wait(on.database->run("work", [&work](Transaction& transaction) { work(transaction); }));
    }

    TestDatabase test_database;
    async::testing::simulation time;
    modapi::InProcessBus bus;
    SharedMessages::Settings how;
    std::unique_ptr<Correspondent> a;
    std::unique_ptr<Correspondent> b;
};

TEST_F(SharedMessagesTest, AreHeardByTheOthersInTheOrderOfTheirSender) {
    Texts expected;
    for (int number = 0; number < 30; ++number) {
        send(*a, std::to_string(number));
        expected.push_back("a: " + std::to_string(number));
    }
    read_on(expected.size());
    EXPECT_EQ(b->heard, expected);
    EXPECT_EQ(a->heard, Texts()) << "who sends it doesn't hear it";
}

TEST_F(SharedMessagesTest, OfATransactionTakeEffectWithItsCommitOrNotAtAll) {
    EXPECT_THROW(run(*a,
                     [&](Transaction& transaction) {
                         a->messages.write(transaction, "news", "undone");
                         throw std::runtime_error("no");
                     }),
                 std::runtime_error);
    run(*a, [&](Transaction& transaction) { a->messages.write(transaction, "news", "done"); });
    read_on(1);
    EXPECT_EQ(b->heard, Texts{"a: done"});
}

TEST_F(SharedMessagesTest, OfATransactionThatBeganBeforeOthersAndCommitsBehindThemAreNotPassedOver) {
    std::latch is_written(1);
    std::latch may_commit(1);
    std::thread slow([&] {
        run(*a, [&](Transaction& transaction) {
            a->messages.write(transaction, "news", "slow");
            static_cast<void>(transaction.query<std::int64_t>("SELECT 1"));
            is_written.count_down();
            may_commit.wait();
        });
    });
    is_written.wait();
    send(*a, "quick");
    read_on(1);
    EXPECT_EQ(b->heard, Texts{"a: quick"});
    may_commit.count_down();
    slow.join();
    read_on(2);
    EXPECT_EQ(b->heard, (Texts{"a: quick", "a: slow"}));
    send(*a, "next");
    read_on(3);
    EXPECT_EQ(b->heard, (Texts{"a: quick", "a: slow", "a: next"})) << "and none comes twice";
}

TEST_F(SharedMessagesTest, AreReadEveryFewSecondsWhereNobodyWakesTheReader) {
    run(*a, [&](Transaction& transaction) { a->messages.write(transaction, "news", "silent"); });
    time.run_ready();
    EXPECT_EQ(b->heard, Texts());
    time.advance(how.reads_every);
    read_on(1);
}

TEST_F(SharedMessagesTest, AreReadAtOnceByWhoIsWoken) {
    send(*a, "loud");
    const auto give_up_at = std::chrono::steady_clock::now() + 20s;
    while (b->heard.empty() && std::chrono::steady_clock::now() < give_up_at) time.run_ready();
    EXPECT_EQ(b->heard, Texts{"a: loud"}) << "without time passing";
}

TEST_F(SharedMessagesTest, OfBeforeAProcessBeganAreNotItsAffair) {
    send(*a, "early");
    const std::unique_ptr<Correspondent> late = open("late");
    send(*a, "now");
    advance_until([&] { return !late->heard.empty(); });
    EXPECT_EQ(late->heard, Texts{"a: now"});
    late->scope.cancel();
    time.run(late->scope.join());
}

TEST_F(SharedMessagesTest, ThatWereRemovedBeforeTheyWereReadAreAGap) {
    const LogCapture log;
    // Who is away: its loop ends, and begins again.
    b->scope.cancel();
    time.run(b->scope.join());
    send(*a, "missed");
    run(*a, [](Transaction& transaction) {
        transaction.execute("UPDATE modapi_messages SET written_ts = written_ts - INTERVAL '1 hour'");
    });
    time.advance(how.prunes_every);
    advance_until([&] {
        std::int64_t left = -1;
        run(*a, [&](Transaction& transaction) {
            left = std::get<0>(*transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM modapi_messages"));
        });
        return left == 0;
    });
    async::scope again(time.environment(), [](std::string_view, const std::exception_ptr&) {});
    b->messages.begin(again);
    advance_until([&] { return b->gaps > 0; });
    EXPECT_EQ(b->gaps, 1);
    EXPECT_EQ(b->heard, Texts());
    EXPECT_TRUE(log.contains("may have been missed"));
    again.cancel();
    time.run(again.join());
}

TEST_F(SharedMessagesTest, ThatAreTooManyAreAGap) {
    how.most_read = 10;
    const std::unique_ptr<Correspondent> small = open("small");
    run(*a, [&](Transaction& transaction) {
        for (int number = 0; number < 11; ++number) a->messages.write(transaction, "news", std::to_string(number));
    });
    advance_until([&] { return small->gaps > 0; });
    EXPECT_EQ(small->heard, Texts());
    send(*a, "afterwards");
    advance_until([&] { return !small->heard.empty(); });
    EXPECT_EQ(small->heard, Texts{"a: afterwards"});
    small->scope.cancel();
    time.run(small->scope.join());
}

TEST_F(SharedMessagesTest, ThatManySendAtOnceShareTransactionsAndAreAllThere) {
    std::vector<async::testing::started<void>> sent;
    for (int number = 0; number < 700; ++number)
        sent.push_back(time.start(SharedMessages::send(a->messages, "news", std::to_string(number))));
    read_on(700);
    EXPECT_EQ(b->heard.size(), 700U);
    EXPECT_EQ(b->heard.front(), "a: 0");
    EXPECT_EQ(b->heard.back(), "a: 699");
}

TEST_F(SharedMessagesTest, ThatAreSentBehindTheEndAreRefused) {
    a->scope.cancel();
    time.run(a->scope.join());
    EXPECT_THROW(send(*a, "too late"), std::runtime_error);
}

}  // namespace
