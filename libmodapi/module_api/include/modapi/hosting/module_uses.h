#pragma once

#include <async/notification.h>
#include <async/task.h>

#include <cstddef>
#include <memory>
#include <utility>

namespace modapi {

/// Who holds code of a module outside of its callbacks, as an answer that is called later does: the module ends after that.
///
/// Thread: the worker's. Lifetime: may end before those who hold it.
class ModuleUses {
    struct Count {
        std::size_t held = 0;
        async::notification none_is_held;
    };

public:
    /// One of them, as long as this or a copy of it lives.
    class Use {
    public:
        explicit Use(std::shared_ptr<Count> count) noexcept : count_(std::move(count)) { ++count_->held; }
        Use(const Use& other) noexcept : Use(other.count_) {}
        Use(Use&& other) noexcept : count_(std::move(other.count_)) {}
        Use& operator=(const Use&) = delete;
        ~Use() {
            if (count_ != nullptr && --count_->held == 0) count_->none_is_held.notify_all();
        }

    private:
        std::shared_ptr<Count> count_;
    };

    [[nodiscard]] Use use() const noexcept { return Use(count_); }
    /// Ends when nobody holds anything.
    [[nodiscard]] async::task<void> ended() const { return none_of(count_); }

private:
    static async::task<void> none_of(std::shared_ptr<Count> count) {
        while (count->held > 0) co_await count->none_is_held.wait();
    }

    std::shared_ptr<Count> count_ = std::make_shared<Count>();
};

}  // namespace modapi
