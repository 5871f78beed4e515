#include "events/waiting_syncs.h"

#include <algorithm>

namespace homeserver {

WaitingSyncs::Watch::Watch(WaitingSyncs& syncs, std::string user_id)
    : syncs_(syncs), user_id_(std::move(user_id)), user_(syncs.by_user_[user_id_]), seen_(user_.wake_ups) {
    ++user_.watches;
    syncs_.audience_.add_sync();
}

WaitingSyncs::Watch::~Watch() {
    syncs_.audience_.remove_sync();
    if (--user_.watches == 0) syncs_.by_user_.erase(user_id_);
}

async::task<void> WaitingSyncs::Watch::news() {
    while (user_.wake_ups == seen_ && user_.newest <= position_ && !syncs_.stopping_) co_await user_.news.wait();
}

void WaitingSyncs::wake(User& user, std::int64_t position) {
    if (position == 0) ++user.wake_ups;
    user.newest = std::max(user.newest, position);
    user.news.notify_all();
}

void WaitingSyncs::wake(const std::vector<std::string>& users, std::int64_t position) {
    for (const std::string& user_id : users) {
        const auto watched = by_user_.find(user_id);
        if (watched != by_user_.end()) wake(watched->second, position);
    }
}

void WaitingSyncs::wake_everybody(std::int64_t position) {
    for (auto& [user_id, user] : by_user_) wake(user, position);
}

void WaitingSyncs::wake_all() {
    stopping_ = true;
    for (auto& [user_id, user] : by_user_) user.news.notify_all();
}

}  // namespace homeserver
