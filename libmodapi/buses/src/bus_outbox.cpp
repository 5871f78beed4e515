#include "bus_outbox.h"

namespace modapi {

bool BusOutbox::put(BusMessage message) {
    const std::scoped_lock lock(mutex_);
    const bool was_empty = waiting_.messages.empty() && !waiting_.after_gap;
    if (!is_open_) {
        waiting_.after_gap = true;
        return false;
    }
    if (!known_.emplace(message.topic, message.text).second) return false;
    if (waiting_.messages.size() < capacity_) {
        waiting_.messages.push_back(std::move(message));
    } else {
        waiting_.messages.clear();
        known_.clear();
        waiting_.after_gap = true;
    }
    return was_empty;
}

bool BusOutbox::is_empty() const {
    const std::scoped_lock lock(mutex_);
    return waiting_.messages.empty() && !waiting_.after_gap;
}

BusOutbox::Batch BusOutbox::take() {
    const std::scoped_lock lock(mutex_);
    known_.clear();
    return std::exchange(waiting_, Batch());
}

void BusOutbox::open() {
    const std::scoped_lock lock(mutex_);
    is_open_ = true;
}

void BusOutbox::close() {
    const std::scoped_lock lock(mutex_);
    is_open_ = false;
    if (!waiting_.messages.empty()) waiting_.after_gap = true;
    waiting_.messages.clear();
    known_.clear();
}

void BusOutbox::note_gap() {
    const std::scoped_lock lock(mutex_);
    waiting_.after_gap = true;
}

}  // namespace modapi
