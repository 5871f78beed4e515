#pragma once

#include <callbacks/json.h>

#include <boost/json/memory_resource.hpp>
#include <boost/json/storage_ptr.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace callbacks {

/// Memory for JSON objects that live until their batch is written: taking is adding to a pointer, giving back is nothing.
/// `rewind` makes all of it free again and keeps it, so that a steady state allocates nothing.
class JsonArena final : public boost::json::memory_resource {
public:
    JsonArena() noexcept = default;

    /// Everything made in it is gone.
    void rewind() noexcept {
        if (free_ == unused_) return;
        chunk_ = 0;
        enter();
        unused_ = free_;
    }

private:
    static constexpr std::size_t min_chunk = 8192;

    struct Chunk {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
    };

    void enter() noexcept {
        if (chunk_ >= chunks_.size()) return;
        free_ = chunks_[chunk_].bytes.get();
        limit_ = free_ + chunks_[chunk_].size;
    }
    void* do_allocate(std::size_t size, std::size_t alignment) override {
        const auto at = reinterpret_cast<std::uintptr_t>(free_);
        const std::size_t padding = (0 - at) & (alignment - 1);  // an alignment is a power of two: nothing is divided
        if (static_cast<std::size_t>(limit_ - free_) < size + padding) [[unlikely]]
            return allocate_elsewhere(size, alignment);
        std::byte* const taken = free_ + padding;
        free_ = taken + size;
        return taken;
    }
    void do_deallocate(void*, std::size_t, std::size_t) noexcept override {}
    [[nodiscard]] bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }
    void* allocate_elsewhere(std::size_t size, std::size_t alignment);

    std::vector<Chunk> chunks_;
    std::size_t chunk_ = 0;  // the one that is used up next
    std::byte* free_ = nullptr;
    std::byte* limit_ = nullptr;
    std::byte* unused_ = nullptr;  // where `free_` is while nothing was taken
};

}  // namespace callbacks

namespace boost::json {
/// Objects in an arena needn't be taken apart.
template <>
struct is_deallocate_trivial<callbacks::JsonArena> {
    static constexpr bool value = true;
};
}  // namespace boost::json
