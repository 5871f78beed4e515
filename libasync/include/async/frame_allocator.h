#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__SANITIZE_ADDRESS__)
#define MODAPI_ASYNC_POOL_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MODAPI_ASYNC_POOL_FRAMES 0
#endif
#endif
#ifndef MODAPI_ASYNC_POOL_FRAMES
#define MODAPI_ASYNC_POOL_FRAMES 1
#endif

namespace async::detail {

/// Recycles coroutine frames and other short-lived blocks, so that a steady state allocates nothing.
///
/// Thread:  one pool per thread, no lock. A block may be freed on another thread; it then joins that thread's pool.
/// Cost:    a list pop to allocate, a list push to free. Blocks above `largest` bytes go to the heap.
/// Bounds:  each of the `classes` lists keeps at most `kept_per_class` blocks; the rest is returned to the heap.
/// Under AddressSanitizer every block goes to the heap, so that a use after free is seen.
struct frame_pool {
    static constexpr std::size_t step = 64;
    static constexpr std::size_t largest = 4096;
    static constexpr std::size_t classes = largest / step;
    static constexpr std::uint32_t kept_per_class = 256;

    /// A free block. The length of its list is kept in the block itself: the path of a frame then touches one line of memory
    /// beside the frame, and no counter that every allocation has to wait for.
    struct block {
        block* next;
        std::uint32_t length;  ///< of the list that begins here
    };
    /// The end of every list: no block of its own.
    static block bottom;

    constexpr frame_pool() noexcept {
        for (block*& list : lists) list = &bottom;
    }
    block* lists[classes] = {};
};

/// The pool of this thread. Initial-exec: the library is always loaded at start-up, and the general model would cost a
/// call per frame.
extern constinit thread_local frame_pool thread_frame_pool [[gnu::tls_model("initial-exec")]];

/// The slow paths: an empty list, a full one, and blocks that aren't pooled.
[[gnu::cold]] void* allocate_block(std::size_t size);
[[gnu::cold]] void free_block(void* memory) noexcept;

inline void* allocate_frame(std::size_t size) {
#if MODAPI_ASYNC_POOL_FRAMES
    const std::size_t index = (size - 1) / frame_pool::step;
    if (index < frame_pool::classes) [[likely]] {
        frame_pool& pool = thread_frame_pool;
        frame_pool::block* const head = pool.lists[index];
        if (head->length - 1 < frame_pool::kept_per_class) [[likely]] {
            pool.lists[index] = head->next;
            return head;
        }
        return allocate_block((index + 1) * frame_pool::step);
    }
#endif
    return allocate_block(size);
}

inline void free_frame(void* memory, std::size_t size) noexcept {
#if MODAPI_ASYNC_POOL_FRAMES
    const std::size_t index = (size - 1) / frame_pool::step;
    if (index < frame_pool::classes) [[likely]] {
        frame_pool& pool = thread_frame_pool;
        frame_pool::block* const head = pool.lists[index];
        if (head->length < frame_pool::kept_per_class) [[likely]] {
            auto* const freed = static_cast<frame_pool::block*>(memory);
            freed->next = head;
            freed->length = head->length + 1;
            pool.lists[index] = freed;
            return;
        }
    }
#else
    static_cast<void>(size);
#endif
    free_block(memory);
}

/// Number of blocks this thread took from the heap because its pool had none. For tests and benchmarks.
[[nodiscard]] std::uint64_t heap_blocks_of_this_thread() noexcept;

/// Standard allocator over the frame pool, for Asio's handler memory.
template <class T>
struct recycling_allocator {
    using value_type = T;
    static_assert(std::is_void_v<T> ||
                  alignof(std::conditional_t<std::is_void_v<T>, char, T>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

    recycling_allocator() noexcept = default;
    template <class U>
    recycling_allocator(const recycling_allocator<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) { return static_cast<T*>(allocate_frame(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept { free_frame(memory, count * sizeof(T)); }

    template <class U>
    bool operator==(const recycling_allocator<U>&) const noexcept {
        return true;
    }
};

}  // namespace async::detail
