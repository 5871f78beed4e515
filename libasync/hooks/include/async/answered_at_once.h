#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

/// What a walk about one item of a batch (async/writer_dispatch.h) puts in for hooks that were asked about all items before.
namespace async::detail {

/// What a walk finds of hooks that were asked about all items at once: nothing.
struct nothing_answered {
    template <class Writer>
    [[nodiscard]] static constexpr bool put(std::size_t, Writer&) noexcept {
        return false;
    }
    void next_item() const noexcept {}
};

/// What hooks answered that were asked about all items at once, until each item has its part of it.
template <class Batch>
class answered_at_once {
public:
    /// The item that a walk is about. Lifetime: the answers outlive it.
    class of_item {
    public:
        explicit of_item(const answered_at_once& all) noexcept : all_(&all) {}
        /// Writes what the hook at this place answered for the item; false: it wasn't asked.
        template <class Writer>
        [[nodiscard]] bool put(std::size_t hook, Writer& out) const {
            for (const std::unique_ptr<answers>& each : all_->each_) {
                if (each->hook != hook) continue;
                const std::uint32_t position = each->position_of.empty() ? item_ : each->position_of[item_];
                if (position == nowhere) return false;
                each->batch.put(position, out);
                return true;
            }
            return false;
        }
        void next_item() noexcept { ++item_; }

    private:
        const answered_at_once* all_;
        std::uint32_t item_ = 0;
    };

    /// A batch for the hook at this place, about those of so many items that `wants(item)`; null: about none of them.
    /// `append(batch, item)` puts one into it.
    template <class Wants, class Append>
    [[nodiscard]] Batch* begin(std::size_t hook, std::size_t items, const Wants& wants, const Append& append) {
        auto begun = std::make_unique<answers>();
        begun->hook = hook;
        begun->position_of.assign(items, nowhere);
        for (std::size_t item = 0; item < items; ++item) {
            if (!wants(item)) continue;
            begun->position_of[item] = static_cast<std::uint32_t>(begun->batch.size());
            append(begun->batch, item);
        }
        if (begun->batch.size() == 0) return nullptr;
        if (begun->batch.size() == items) begun->position_of.clear();
        each_.push_back(std::move(begun));
        return &each_.back()->batch;
    }

private:
    static constexpr auto nowhere = static_cast<std::uint32_t>(-1);

    struct answers {
        std::size_t hook = 0;
        Batch batch;
        std::vector<std::uint32_t> position_of{};  // by item; empty: all of them are in the batch, in their order
    };

    std::vector<std::unique_ptr<answers>> each_;
};

}  // namespace async::detail
