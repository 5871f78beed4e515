#include <async/bind.h>
#include <async/cached.h>
#include <async/frame_allocator.h>
#include <async/hook.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

#if MODAPI_ASYNC_POOL_FRAMES && !defined(__SANITIZE_THREAD__)

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

class Module {
public:
    async::task<int> ready(const int& value) { co_return value; }
    async::task<int> suspending(const int& value) {
        co_await async::reschedule();
        co_return value;
    }
};

async::task<std::size_t> allocations_of_awaits(async::hook<int(const int&)> hook, int turns) {
    for (int turn = 0; turn < 64; ++turn) static_cast<void>(co_await hook(turn));  // the pool fills
    const std::size_t before = allocations;
    for (int turn = 0; turn < turns; ++turn) static_cast<void>(co_await hook(turn));
    co_return allocations - before;
}

TEST(FramePool, AwaitingAReadyHookAllocatesNothing) {
    Module module;
    const auto target = async::bind<&Module::ready>(&module);
    EXPECT_EQ(async::sync_wait(allocations_of_awaits(async::hook<int(const int&)>::holding(target), 10'000)), 0U);
}

TEST(FramePool, AwaitingASuspendingHookAllocatesNothing) {
    Module module;
    const auto target = async::bind<&Module::suspending>(&module);
    EXPECT_EQ(async::sync_wait(allocations_of_awaits(async::hook<int(const int&)>::holding(target), 10'000)), 0U);
}

async::task<std::size_t> allocations_of_hits(async::cached<int(int)>& cache) {
    static_cast<void>(co_await cache(1));
    const std::size_t before = allocations;
    for (int turn = 0; turn < 1000; ++turn) static_cast<void>(co_await cache(1));
    co_return allocations - before;
}

TEST(FramePool, ACacheHitAllocatesNothing) {
    async::cached<int(int)> cache("one", [](int value) { return value; });
    EXPECT_EQ(async::sync_wait(allocations_of_hits(cache)), 0U);
}

}  // namespace

#endif

namespace {

TEST(FramePool, BlocksMayBeFreedOnAnotherThread) {
    for (int round = 0; round < 3; ++round) {
        std::vector<void*> blocks;
        for (int count = 0; count < 1000; ++count) blocks.push_back(async::detail::allocate_frame(200));
        std::thread([&] {
            for (void* const block : blocks) async::detail::free_frame(block, 200);
        }).join();
    }
}

TEST(FramePool, LargeBlocksGoToTheHeap) {
    void* const block = async::detail::allocate_frame(1 << 20);
    ASSERT_NE(block, nullptr);
    async::detail::free_frame(block, 1 << 20);
}

}  // namespace
