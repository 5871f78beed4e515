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
/// Cost:    of the last block freed in its class: a load and a store each way. Of others a list pop to allocate and a list push
///          to free. Blocks above `max_size` bytes go to the heap.
/// Bounds:  each of the `classes` lists keeps at most `max_per_class` blocks; the rest is returned to the heap.
/// Under AddressSanitizer every block goes to the heap, so that a use after free is seen.
struct frame_pool {
    static constexpr std::size_t step = 64;
    static constexpr std::size_t max_size = 4096;
    static constexpr std::size_t classes = max_size / step;
    static constexpr std::uint32_t max_per_class = 256;

    /// A free block of a list. Its length is kept in the block itself, beside what is read anyway.
    struct block {
        block* next;
        std::uint32_t length;  ///< of the list that begins here
    };
    /// The end of every list: no block of its own.
    static block bottom;

    /// The block that was freed last stays out of the list: a coroutine that ends before the next one begins hands its frame
    /// on without anybody reading or writing the block.
    struct size_class {
        void* last_freed = nullptr;  ///< null: none
        block* list = &bottom;
    };
    /// No block: the thread ends and keeps none. Not null, so that none is put there.
    static void* ended() noexcept { return reinterpret_cast<void*>(std::uintptr_t(1)); }
    static bool is_block(void* last_freed) noexcept { return reinterpret_cast<std::uintptr_t>(last_freed) > 1; }

    size_class of_size[classes] = {};
};

/// The pool of this thread. Initial-exec: the library is always loaded at start-up, and the general model would cost a
/// call per frame.
extern constinit thread_local frame_pool thread_frame_pool [[gnu::tls_model("initial-exec")]];

/// Blocks that aren't pooled, and those of an empty or a full list.
[[gnu::cold]] void* allocate_block(std::size_t size);
[[gnu::cold]] void free_block(void* memory) noexcept;

/// Where coroutines are nested: from the list, onto the list.
[[gnu::noinline]] void* allocate_listed(frame_pool::size_class& blocks, std::size_t size);
[[gnu::noinline]] void free_listed(frame_pool::size_class& blocks, void* memory) noexcept;

inline void* allocate_frame(std::size_t size) {
#if MODAPI_ASYNC_POOL_FRAMES
    const std::size_t index = (size - 1) / frame_pool::step;
    if (index < frame_pool::classes) [[likely]] {
        frame_pool::size_class& blocks = thread_frame_pool.of_size[index];
        void* const last_freed = blocks.last_freed;
        if (!frame_pool::is_block(last_freed)) [[unlikely]]
            return allocate_listed(blocks, (index + 1) * frame_pool::step);
        blocks.last_freed = nullptr;
        return last_freed;
    }
#endif
    return allocate_block(size);
}

inline void free_frame(void* memory, std::size_t size) noexcept {
#if MODAPI_ASYNC_POOL_FRAMES
    const std::size_t index = (size - 1) / frame_pool::step;
    if (index < frame_pool::classes) [[likely]] {
        frame_pool::size_class& blocks = thread_frame_pool.of_size[index];
        if (blocks.last_freed != nullptr) [[unlikely]]
            return free_listed(blocks, memory);
        blocks.last_freed = memory;
        return;
    }
#else
    static_cast<void>(size);
#endif
    free_block(memory);
}

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
