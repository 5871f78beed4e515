#include <async/frame_allocator.h>

#include <cstdint>
#include <new>
#include <utility>

namespace async::detail {

constinit frame_pool::block frame_pool::bottom{nullptr, 0};
constinit thread_local frame_pool thread_frame_pool;

namespace {

// A module library that has this section brings its own copy of the framework; the host refuses it. In this file, because every
// copy needs it.
__attribute__((section(".modapi_framework"), used)) constexpr char framework_mark[] = "libasync";

/// What a list of a thread that ends begins with: too long to take a block, and none to give.
constinit frame_pool::block closed{nullptr, UINT32_MAX};

/// Returns this thread's blocks to the heap when it ends. The pool itself is constant-initialized and never destroyed,
/// so that frames freed by later thread-local destructors still find it; those blocks are the only ones kept.
struct pool_owner {
    bool armed = false;

    ~pool_owner() {
        for (frame_pool::size_class& blocks : thread_frame_pool.of_size) {
            ::operator delete(std::exchange(blocks.last_freed, frame_pool::ended()));
            while (blocks.list != &frame_pool::bottom) {
                frame_pool::block* const head = blocks.list;
                blocks.list = head->next;
                ::operator delete(head);
            }
            // Every later free on this thread goes straight to the heap.
            blocks.list = &closed;
        }
    }
};

thread_local pool_owner owner_of_this_thread;

}  // namespace

void* allocate_block(std::size_t size) {
    owner_of_this_thread.armed = true;  // constructs the owner, so that it is destroyed with the thread
    return ::operator new(size);
}

void* allocate_listed(frame_pool::size_class& blocks, std::size_t size) {
    frame_pool::block* const head = blocks.list;
    if (head == &frame_pool::bottom || head == &closed) return allocate_block(size);
    blocks.list = head->next;
    return head;
}

void free_listed(frame_pool::size_class& blocks, void* memory) noexcept {
    frame_pool::block* const head = blocks.list;
    if (head->length >= frame_pool::max_per_class) return free_block(memory);
    auto* const freed = ::new (memory) frame_pool::block;
    freed->next = head;
    freed->length = head->length + 1;
    blocks.list = freed;
}

void free_block(void* memory) noexcept { ::operator delete(memory); }

}  // namespace async::detail
