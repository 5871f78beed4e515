#include <async/frame_allocator.h>

#include <cstdint>
#include <new>

namespace async::detail {

constinit frame_pool::block frame_pool::bottom{nullptr, 0};
constinit thread_local frame_pool thread_frame_pool;

namespace {

// A module library that has this section brings its own copy of the framework; the host refuses it. In this file, because every
// copy needs it.
__attribute__((section(".modapi_framework"), used)) constexpr char framework_mark[] = "libasync";

constinit thread_local std::uint64_t heap_blocks = 0;

/// What a list of a thread that ends begins with: too long to take a block, and none to give.
constinit frame_pool::block closed{nullptr, UINT32_MAX};

/// Returns this thread's blocks to the heap when it ends. The pool itself is constant-initialized and never destroyed,
/// so that frames freed by later thread-local destructors still find it; those blocks are the only ones kept.
struct pool_owner {
    bool armed = false;

    ~pool_owner() {
        frame_pool& pool = thread_frame_pool;
        for (std::size_t index = 0; index < frame_pool::classes; ++index) {
            while (pool.lists[index] != &frame_pool::bottom) {
                frame_pool::block* const head = pool.lists[index];
                pool.lists[index] = head->next;
                ::operator delete(head);
            }
            // Every later free on this thread goes straight to the heap.
            pool.lists[index] = &closed;
        }
    }
};

thread_local pool_owner owner_of_this_thread;

}  // namespace

void* allocate_block(std::size_t size) {
    owner_of_this_thread.armed = true;  // constructs the owner, so that it is destroyed with the thread
    ++heap_blocks;
    return ::operator new(size);
}

void free_block(void* memory) noexcept { ::operator delete(memory); }

std::uint64_t heap_blocks_of_this_thread() noexcept { return heap_blocks; }

}  // namespace async::detail
