#include "events/response_memory.h"

#include <utility>

namespace homeserver {

void ResponseMemories::GiveBack::operator()(ResponseMemory* memory) const noexcept {
    std::unique_ptr<ResponseMemory> mine(memory);
    if (!is_kept_ || mine->text.size() > max_text || spare_->size() >= max_kept) return;
    mine->text.cut(0);
    mine->places.clear();
    mine->outgoing.clear();
    spare_->push_back(std::move(mine));  // within what `lend` has reserved
}

ResponseMemories::Lent ResponseMemories::lend() {
    spare_->reserve(max_kept);
    GiveBack back(spare_);
    if (spare_->empty()) return Lent(new ResponseMemory(), std::move(back));
    std::unique_ptr<ResponseMemory> memory = std::move(spare_->back());
    spare_->pop_back();
    return Lent(memory.release(), std::move(back));
}

}  // namespace homeserver
