#include "grown_aggregate.h"

#include <callbacks/spam_checker.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace {

using callbacks::SpamChecker;

constexpr callbacks::Codes denied = callbacks::Codes::FORBIDDEN;

callbacks::Verdict deny_joins(const std::string&, const std::string&, bool) { return denied; }
callbacks::Verdict deny_invites(const std::string&, const std::string&, const std::string&) { return denied; }

/// How large a category was for a module that knows it up to this slot.
template <class Slot>
std::size_t size_up_to(const SpamChecker& checker, const Slot& last) {
    const auto* const begin = reinterpret_cast<const std::byte*>(&checker);
    return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&last + 1) - begin);
}

TEST(GrownAggregateTest, SlotsThatAModuleDoesntKnowAreAsIfItHadLeftThemOut) {
    SpamChecker given;
    given.user_may_join_room = &deny_joins;
    given.user_may_invite = &deny_invites;  // stands for whatever lies there in an older module
    const SpamChecker older = modapi::grown_aggregate(given, size_up_to(given, given.user_may_join_room));
    EXPECT_TRUE(static_cast<bool>(older.user_may_join_room));
    EXPECT_FALSE(static_cast<bool>(older.user_may_invite));
}

TEST(GrownAggregateTest, AllSlotsOfAModuleOfTheSameVersionAreThere) {
    SpamChecker given;
    given.user_may_join_room = &deny_joins;
    given.user_may_invite = &deny_invites;
    const SpamChecker whole = modapi::grown_aggregate(given, sizeof given);
    EXPECT_TRUE(static_cast<bool>(whole.user_may_join_room));
    EXPECT_TRUE(static_cast<bool>(whole.user_may_invite));
    EXPECT_FALSE(static_cast<bool>(whole.check_event_for_spam));
}

}  // namespace
