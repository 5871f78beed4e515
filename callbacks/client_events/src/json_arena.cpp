#include <callbacks/json_arena.h>

#include <algorithm>

namespace callbacks {

void* JsonArena::allocate_elsewhere(std::size_t size, std::size_t alignment) {
    while (chunk_ + 1 < chunks_.size()) {
        ++chunk_;
        enter();
        if (static_cast<std::size_t>(limit_ - free_) >= size + alignment) return do_allocate(size, alignment);
    }
    const std::size_t last = chunks_.empty() ? 0 : chunks_.back().size;
    Chunk made;
    made.size = std::max({min_chunk, last * 2, size + alignment});
    made.bytes = std::make_unique<std::byte[]>(made.size);
    chunks_.push_back(std::move(made));
    chunk_ = chunks_.size() - 1;
    enter();
    return do_allocate(size, alignment);
}

}  // namespace callbacks
