#include "events/response_memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using homeserver::ResponseMemories;
using homeserver::ResponseMemory;

TEST(ResponseMemoriesTest, AResponseThatWasWrittenLeavesItsMemoryToTheNextOne) {
    ResponseMemories memories;
    const ResponseMemory* used = nullptr;
    {
        ResponseMemories::Lent lent = memories.lend();
        used = lent.get();
        lent->text.append("{}");
        lent->places.emplace_back();
        lent->outgoing.emplace_back();
        lent.get_deleter().written(1, 2);
    }
    const ResponseMemories::Lent again = memories.lend();
    EXPECT_EQ(again.get(), used);
    EXPECT_EQ(again->text.size(), 0U);
    EXPECT_TRUE(again->places.empty());
    EXPECT_TRUE(again->outgoing.empty());
    EXPECT_NE(memories.lend().get(), used) << "that one is lent";
}

/// What is kept, as far as it can be told: the memory that is lent next is one of those that were given back.
bool keeps_what_was_written(std::size_t events, std::size_t bytes) {
    ResponseMemories memories;
    const ResponseMemory* used = nullptr;
    {
        ResponseMemories::Lent lent = memories.lend();
        used = lent.get();
        lent->places.reserve(1000);
        lent.get_deleter().written(events, bytes);
    }
    const ResponseMemories::Lent again = memories.lend();
    return again.get() == used && again->places.capacity() >= 1000;
}

TEST(ResponseMemoriesTest, ALargeResponseIsNotKept) {
    EXPECT_TRUE(keeps_what_was_written(ResponseMemories::max_events, ResponseMemories::max_text));
    EXPECT_FALSE(keeps_what_was_written(ResponseMemories::max_events, ResponseMemories::max_text + 1));
    EXPECT_FALSE(keeps_what_was_written(ResponseMemories::max_events + 1, ResponseMemories::max_text));
}

TEST(ResponseMemoriesTest, ManyThingsBesideFewEventsAreNotKeptEither) {
    ResponseMemories memories;
    {
        ResponseMemories::Lent lent = memories.lend();
        lent->places.reserve(1000);
        lent->text.append(std::string(ResponseMemories::max_text + 1, ' '));
        lent.get_deleter().written(1, 100);  // a filter has left nothing else of it
    }
    EXPECT_LT(memories.lend()->places.capacity(), 1000U);
}

TEST(ResponseMemoriesTest, WhatAResponseThatFailedHasLeftIsNotUsedAgain) {
    ResponseMemories memories;
    { memories.lend()->places.reserve(1000); }
    EXPECT_LT(memories.lend()->places.capacity(), 1000U);
}

TEST(ResponseMemoriesTest, KeepsSoManyAndNoMore) {
    ResponseMemories memories;
    {
        std::vector<ResponseMemories::Lent> lent;
        for (std::size_t count = 0; count < 2 * ResponseMemories::max_kept; ++count) {
            lent.push_back(memories.lend());
            lent.back()->places.reserve(1000);
            lent.back().get_deleter().written(1, 1);
        }
    }
    std::size_t kept = 0;
    std::vector<ResponseMemories::Lent> again;
    for (std::size_t count = 0; count < 2 * ResponseMemories::max_kept; ++count) {
        again.push_back(memories.lend());
        if (again.back()->places.capacity() >= 1000) ++kept;
    }
    EXPECT_EQ(kept, ResponseMemories::max_kept);
}

TEST(ResponseMemoriesTest, AResponseMayEndAfterItsWorkersMemories) {
    auto memories = std::make_unique<ResponseMemories>();
    ResponseMemories::Lent lent = memories->lend();
    lent.get_deleter().written(1, 1);
    memories.reset();
    lent->text.append("{}");
    EXPECT_EQ(lent->text.view(), "{}");
}

}  // namespace
