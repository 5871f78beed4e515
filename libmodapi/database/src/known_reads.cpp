#include "known_reads.h"

#include <algorithm>

namespace modapi {

namespace {

constexpr int taken_for_known = 8;
/// A wrong guess costs a message, a right one saves nearly as much: even in vain again and again this costs little.
constexpr int after_wrong_guess = -16;
constexpr std::size_t most_names = 1000;

}  // namespace

bool KnownReads::asks_once(std::string_view desc) const {
    const std::scoped_lock lock(mutex_);
    const auto found = once_in_a_row_.find(desc);
    return found != once_in_a_row_.end() && found->second >= taken_for_known;
}

void KnownReads::learn(std::string_view desc, std::size_t messages) {
    if (messages == 0) return;
    const std::scoped_lock lock(mutex_);
    auto found = once_in_a_row_.find(desc);
    if (found == once_in_a_row_.end()) {
        if (once_in_a_row_.size() >= most_names) return;
        found = once_in_a_row_.emplace(desc, 0).first;
    }
    int& in_a_row = found->second;
    if (messages > 1) {
        in_a_row = std::min(in_a_row, 0);
    } else if (in_a_row < taken_for_known) {
        ++in_a_row;
    }
}

void KnownReads::was_wrong(std::string_view desc) {
    const std::scoped_lock lock(mutex_);
    const auto found = once_in_a_row_.find(desc);
    if (found != once_in_a_row_.end()) found->second = after_wrong_guess;
}

}  // namespace modapi
