#include "events/waiting_syncs.h"

namespace homeserver {

WaitingSyncs::Watch::Watch(WaitingSyncs& syncs, std::string user_id)
    : syncs_(syncs), user_id_(std::move(user_id)), user_(syncs.by_user_[user_id_]), seen_(user_.wake_ups) {
    ++user_.watches;
}

WaitingSyncs::Watch::~Watch() {
    if (--user_.watches == 0) syncs_.by_user_.erase(user_id_);
}

async::task<void> WaitingSyncs::Watch::news() {
    while (user_.wake_ups == seen_ && !syncs_.stopping_) co_await user_.news.wait();
}

void WaitingSyncs::wake(const std::vector<std::string>& users) {
    for (const std::string& user_id : users) {
        const auto watched = by_user_.find(user_id);
        if (watched == by_user_.end()) continue;
        ++watched->second.wake_ups;
        watched->second.news.notify_all();
    }
}

void WaitingSyncs::wake_all() {
    stopping_ = true;
    for (auto& [user_id, user] : by_user_) user.news.notify_all();
}

}  // namespace homeserver
