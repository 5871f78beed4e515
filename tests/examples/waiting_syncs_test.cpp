#include "events/waiting_syncs.h"

#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using homeserver::Audience;
using homeserver::WaitingSyncs;

class WaitingSyncsTest : public testing::Test {
protected:
    void TearDown() override { time.end_all(); }

    async::testing::simulation time;
    Audience audience;
    WaitingSyncs syncs{audience};
    const std::vector<std::string> alice{"@alice:hs.test"};
};

TEST_F(WaitingSyncsTest, AreNotWokenForWhatTheyHaveShown) {
    WaitingSyncs::Watch watch(syncs, alice.front());
    watch.look();
    watch.looked_until(7);
    const auto waiting = time.start(watch.news());
    syncs.wake(alice, 6);
    syncs.wake_everybody(7);
    time.run_ready();
    EXPECT_FALSE(waiting.done());
    syncs.wake(alice, 8);
    time.run_ready();
    EXPECT_TRUE(waiting.done());
}

TEST_F(WaitingSyncsTest, RememberWhatWasAnnouncedDuringTheLook) {
    WaitingSyncs::Watch watch(syncs, alice.front());
    watch.look();
    syncs.wake(alice, 8);
    watch.looked_until(7);
    const auto waiting = time.start(watch.news());
    time.run_ready();
    EXPECT_TRUE(waiting.done());
}

TEST_F(WaitingSyncsTest, AreWokenForWhatHasNoPositionWhateverTheyHaveShown) {
    WaitingSyncs::Watch watch(syncs, alice.front());
    watch.look();
    watch.looked_until(7);
    const auto waiting = time.start(watch.news());
    syncs.wake(alice, 0);
    time.run_ready();
    EXPECT_TRUE(waiting.done());
}

TEST_F(WaitingSyncsTest, AreInTheAudienceWhileTheyWatch) {
    EXPECT_FALSE(audience.has_syncs());
    {
        const WaitingSyncs::Watch watch(syncs, alice.front());
        EXPECT_TRUE(audience.has_syncs());
    }
    EXPECT_FALSE(audience.has_syncs());
}

}  // namespace
