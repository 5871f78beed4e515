#include "recorded_interfaces.h"

#include <gtest/gtest.h>

#include <array>

namespace {

using modapi::RecordedInterface;
using modapi::takes_interface;

constexpr std::array releases = {RecordedInterface{"1.0.0", "aaaa"}, RecordedInterface{"1.1.0", "bbbb"}};

TEST(RecordedInterfacesTest, ReleaseTakesModulesOfTheOthersOfItsMajor) {
    EXPECT_TRUE(takes_interface("aaaa", "bbbb", releases));
    EXPECT_TRUE(takes_interface("bbbb", "bbbb", releases));
}

TEST(RecordedInterfacesTest, ReleaseTakesNothingThatIsNoRelease) {
    EXPECT_FALSE(takes_interface("cccc", "bbbb", releases));
    EXPECT_FALSE(takes_interface("", "bbbb", releases));
    EXPECT_FALSE(takes_interface("bbb", "bbbb", releases));
}

TEST(RecordedInterfacesTest, BetweenReleasesOnlyTheOwnIsTaken) {
    EXPECT_TRUE(takes_interface("cccc", "cccc", releases));
    EXPECT_FALSE(takes_interface("aaaa", "cccc", releases));
    EXPECT_FALSE(takes_interface("bbbb", "cccc", releases));
}

}  // namespace
