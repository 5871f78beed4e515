#pragma once

#include <modapi/database.h>

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

class Database::AtWork {
public:
    /// One interaction, from here to its end.
    class Entry {
    public:
        Entry(AtWork& all, std::string_view desc) : all_(all) {
            const std::scoped_lock lock(all_.mutex_);
            // In this order, so that the first is the one that is at it for longest.
            place_ = all_.entries_.insert(all_.entries_.end(), {std::string(desc), std::chrono::steady_clock::now()});
        }
        ~Entry() {
            const std::scoped_lock lock(all_.mutex_);
            all_.entries_.erase(place_);
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

    private:
        AtWork& all_;
        std::list<Running>::iterator place_;
    };

    [[nodiscard]] std::vector<Running> entries() const {
        const std::scoped_lock lock(mutex_);
        return {entries_.begin(), entries_.end()};
    }

private:
    mutable std::mutex mutex_;
    std::list<Running> entries_;
};

}  // namespace modapi
