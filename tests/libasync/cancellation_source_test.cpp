#include <async/cancellation.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace cancellation_source_test {

using async::cancel_reason;
using async::cancellation_source;

/// Remembers what it was told; may do more when that happens.
class Listener final : public async::cancellation_registration {
public:
    Listener() noexcept
        : cancellation_registration([](cancellation_registration& self, cancel_reason reason) {
              Listener& told = static_cast<Listener&>(self);
              told.heard.push_back(reason);
              if (told.drops != nullptr) told.drops->reset();
              if (told.leaves) told.unregister();
          }) {}
    std::vector<cancel_reason> heard;
    std::unique_ptr<Listener>* drops = nullptr;
    bool leaves = false;
};

TEST(CancellationSource, TellsEveryRegistrationOnce) {
    cancellation_source source;
    Listener first;
    Listener second;
    source.add(first, false);
    source.add(second, false);
    EXPECT_EQ(source.requested(), cancel_reason::none);
    source.request(cancel_reason::stopping);
    source.request(cancel_reason::stopping);
    EXPECT_EQ(first.heard, std::vector<cancel_reason>{cancel_reason::stopping});
    EXPECT_EQ(second.heard, std::vector<cancel_reason>{cancel_reason::stopping});
}

TEST(CancellationSource, AGreaterReasonReplacesALesserOneAndNeverTheOtherWayRound) {
    cancellation_source source;
    Listener listener;
    source.add(listener, false);
    source.request(cancel_reason::caller_gone);
    source.request(cancel_reason::stopping);
    source.request(cancel_reason::deadline);
    EXPECT_EQ(source.requested(), cancel_reason::stopping);
    EXPECT_EQ(listener.heard, (std::vector<cancel_reason>{cancel_reason::caller_gone, cancel_reason::stopping}));
}

TEST(CancellationSource, AShieldedRegistrationHearsNoCallerGone) {
    cancellation_source source;
    Listener shielded;
    source.add(shielded, true);
    source.request(cancel_reason::caller_gone);
    EXPECT_TRUE(shielded.heard.empty());
    source.request(cancel_reason::deadline);
    EXPECT_EQ(shielded.heard, std::vector<cancel_reason>{cancel_reason::deadline});
}

TEST(CancellationSource, ARegistrationHearsNothingThatWasRequestedBefore) {
    cancellation_source source;
    source.request(cancel_reason::caller_gone);
    Listener late;
    source.add(late, false);
    EXPECT_TRUE(late.heard.empty());
    source.request(cancel_reason::stopping);
    EXPECT_EQ(late.heard, std::vector<cancel_reason>{cancel_reason::stopping});
}

TEST(CancellationSource, ADestroyedRegistrationIsForgotten) {
    cancellation_source source;
    Listener first;
    source.add(first, false);
    {
        Listener gone;
        source.add(gone, false);
        Listener last;
        source.add(last, false);
    }
    source.request(cancel_reason::stopping);
    EXPECT_EQ(first.heard.size(), 1U);
}

TEST(CancellationSource, RegistrationsMayGoWhileTheyAreTold) {
    cancellation_source source;
    auto oldest = std::make_unique<Listener>();
    auto middle = std::make_unique<Listener>();
    Listener newest;
    source.add(*oldest, false);
    source.add(*middle, false);
    source.add(newest, false);
    // The walk goes from the newest to the oldest: this takes out the one that it would visit next.
    newest.drops = &middle;
    newest.leaves = true;
    source.request(cancel_reason::stopping);
    EXPECT_EQ(middle, nullptr);
    EXPECT_EQ(oldest->heard.size(), 1U);
    EXPECT_EQ(newest.heard.size(), 1U);
}

TEST(CancellationSource, AChildEndsWithItsParentAndNotTheOtherWayRound) {
    cancellation_source parent;
    cancellation_source child(&parent);
    child.request(cancel_reason::deadline);
    EXPECT_EQ(parent.requested(), cancel_reason::none);
    parent.request(cancel_reason::stopping);
    EXPECT_EQ(child.requested(), cancel_reason::stopping);
}

TEST(CancellationSource, AChildOfAnEndedParentHasEnded) {
    cancellation_source parent;
    parent.request(cancel_reason::caller_gone);
    const cancellation_source child(&parent);
    const cancellation_source shielded(&parent, true);
    EXPECT_EQ(child.requested(), cancel_reason::caller_gone);
    EXPECT_EQ(shielded.requested(), cancel_reason::none);
}

TEST(CancellationSource, AChildMayListenToGreatReasonsOnly) {
    cancellation_source parent;
    cancellation_source child(&parent, cancel_reason::stopping);
    parent.request(cancel_reason::deadline);
    EXPECT_EQ(child.requested(), cancel_reason::none);
    parent.request(cancel_reason::stopping);
    EXPECT_EQ(child.requested(), cancel_reason::stopping);
}

TEST(CancellationSource, AParentMayEndBeforeItsChild) {
    auto parent = std::make_unique<cancellation_source>();
    cancellation_source child(parent.get());
    Listener listener;
    child.add(listener, false);
    parent.reset();
    child.request(cancel_reason::stopping);
    EXPECT_EQ(listener.heard.size(), 1U);
}

TEST(ThrowCancelled, ThrowsADeadlineAsAnOrdinaryErrorAndTheOthersAsNone) {
    EXPECT_THROW(async::throw_cancelled(cancel_reason::deadline), std::runtime_error);
    for (const cancel_reason reason : {cancel_reason::caller_gone, cancel_reason::stopping}) {
        try {
            async::throw_cancelled(reason);
        } catch (const std::exception&) {
            ADD_FAILURE() << "code that handles any error would swallow it";
        } catch (const async::operation_cancelled& cancelled) {
            EXPECT_EQ(cancelled.reason(), reason);
        }
    }
}

/// Waits for something that a cancellation ends.
class Wait {
public:
    explicit Wait(cancellation_source& source) { source.add(registration_, false); }
    cancel_reason ended_for = cancel_reason::none;

private:
    void end(cancel_reason reason) { ended_for = reason; }
    async::cancellation_callback<Wait, &Wait::end> registration_{*this};
};

TEST(CancellationCallback, TellsTheObjectThatItIsAMemberOfAsLongAsThatLives) {
    cancellation_source source;
    Wait stays(source);
    auto goes = std::make_unique<Wait>(source);
    goes.reset();
    source.request(cancel_reason::caller_gone);
    EXPECT_EQ(stays.ended_for, cancel_reason::caller_gone);
}

}  // namespace cancellation_source_test
