#include <modapi/hosting/worker_bus.h>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include <string>
#include <vector>

namespace {

using Strings = std::vector<std::string>;

/// Counts its copies.
struct Counted {
    explicit Counted(std::string said) : text(std::move(said)) {}
    Counted(const Counted& other) : text(other.text) { ++copies; }
    Counted& operator=(const Counted&) = delete;
    std::string text;
    static inline int copies = 0;
};

class WorkerBusTest : public testing::Test {
protected:
    WorkerBusTest() { Counted::copies = 0; }
    [[nodiscard]] std::size_t note_into(Strings& heard) {
        return bus.subscribe(io.get_executor(), [&heard](const Counted& message) { heard.push_back(message.text); });
    }
    void run_ready() {
        io.restart();
        io.poll();
    }

    boost::asio::io_context io{1};
    modapi::InProcessWorkerBus<Counted> bus;
};

TEST_F(WorkerBusTest, TellsEverybodyButThePublisherOnTheirExecutor) {
    Strings here;
    Strings there;
    const std::size_t publisher = note_into(here);
    static_cast<void>(note_into(there));
    bus.publish(publisher, Counted("changed"));
    EXPECT_TRUE(there.empty()) << "not before its executor runs";
    run_ready();
    EXPECT_TRUE(here.empty());
    EXPECT_EQ(there, Strings{"changed"});
}

TEST_F(WorkerBusTest, TellsAllInOneOrderWhereThePublisherIsNoSubscriber) {
    Strings here;
    Strings there;
    static_cast<void>(note_into(here));
    static_cast<void>(note_into(there));
    bus.publish(0, Counted("first"));
    bus.publish(0, Counted("second"));
    run_ready();
    EXPECT_EQ(here, (Strings{"first", "second"}));
    EXPECT_EQ(there, here);
}

TEST_F(WorkerBusTest, CopiesAMessageOnceAndNotAtAllForNobody) {
    Strings here;
    bus.publish(0, Counted("nobody hears it"));
    EXPECT_EQ(Counted::copies, 0);
    const std::size_t alone = note_into(here);
    bus.publish(alone, Counted("nobody else hears it"));
    EXPECT_EQ(Counted::copies, 0);
    static_cast<void>(note_into(here));
    static_cast<void>(note_into(here));
    bus.publish(alone, Counted("changed"));
    run_ready();
    EXPECT_EQ(here.size(), 2U);
    EXPECT_EQ(Counted::copies, 1);
}

TEST_F(WorkerBusTest, DoesNotTellWhoUnsubscribedWhatIsOnItsWay) {
    Strings here;
    Strings there;
    const std::size_t leaving = note_into(here);
    static_cast<void>(note_into(there));
    bus.publish(0, Counted("changed"));
    bus.unsubscribe(leaving);
    bus.unsubscribe(leaving);
    run_ready();
    EXPECT_TRUE(here.empty());
    EXPECT_EQ(there, Strings{"changed"});
}

}  // namespace
