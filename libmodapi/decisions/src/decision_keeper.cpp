#include <modapi/hosting/decision_keeper.h>

#include <modapi/hosting/log.h>

#include <callbacks/errors.h>

#include <async/clock.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <utility>

namespace modapi {

namespace {

constexpr auto write_every = std::chrono::milliseconds(200);
constexpr async::clock::duration write_again_after = std::chrono::seconds(2);  // a store that failed; each time twice as long
constexpr async::clock::duration write_again_at_last = std::chrono::minutes(1);
constexpr auto forget_every = std::chrono::minutes(10);
constexpr std::size_t written_at_once = 1000;

void rethrow_if_cancelled(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const async::operation_cancelled&) {
        throw;
    } catch (...) {  // NOLINT: it is one of the store's
    }
}

}  // namespace

DecisionKeeper::DecisionKeeper(Decisions& decisions, std::shared_ptr<DecisionStore> store, std::int64_t keep_ms,
                               const async::environment& where)
    : decisions_(decisions),
      store_(std::move(store)),
      keep_ms_(keep_ms),
      where_(where),
      writing_(where, [](std::string_view what, const std::exception_ptr& failure) {
          framework_log().error("{}: {}", what, callbacks::message_of(failure));
      }) {}

void DecisionKeeper::start() { writing_.spawn("writing decisions", keep(*this)); }

async::task<void> DecisionKeeper::stop() {
    writing_.cancel(async::cancel_reason::stopping);
    co_await writing_.join();
    const bool is_written = co_await write_all(*this);
    if (is_written) {
        tell_of_recovery();
    } else {
        framework_log().error("{} decisions of modules could not be written, and end with the process", decisions_.waiting());
    }
}

async::task<void> DecisionKeeper::keep(DecisionKeeper& self) {
    async::clock& clock = *self.where_.clock;
    async::clock::time_point forget_at = clock.now();
    async::clock::duration patience = write_again_after;
    for (;;) {
        const bool is_written = co_await write_all(self);
        if (is_written && clock.now() >= forget_at) {
            forget_at = clock.now() + forget_every;
            co_await forget_old(self);
        }
        async::clock::duration pause = write_every;
        if (is_written) {
            patience = write_again_after;
        } else {
            pause = std::exchange(patience, std::min(2 * patience, write_again_at_last));
        }
        co_await async::sleep_for(pause);
    }
}

async::task<bool> DecisionKeeper::write_all(DecisionKeeper& self) {
    for (;;) {
        std::vector<Decision> taken = self.decisions_.take(written_at_once);
        if (taken.empty()) co_return true;
        std::exception_ptr failure;
        try {
            std::vector<Decision> written = taken;
            async::task<void> writing = self.store_->write(std::move(written));
            co_await std::move(writing);
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure) {
            self.decisions_.give_back(taken);
            self.tell_of_failure(failure);
            co_return false;
        }
        self.tell_of_recovery();
    }
}

async::task<void> DecisionKeeper::forget_old(DecisionKeeper& self) {
    std::exception_ptr failure;
    try {
        std::int64_t forgotten = 1;
        while (forgotten > 0) forgotten = co_await self.store_->forget_before(self.where_.clock->wall_time_ms() - self.keep_ms_);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) self.tell_of_failure(failure);
}

void DecisionKeeper::tell_of_failure(const std::exception_ptr& failure) {
    rethrow_if_cancelled(failure);
    if (std::exchange(has_failed_, true)) return;
    framework_log().error("decisions of modules can't be written, and are kept in memory meanwhile: {}", callbacks::message_of(failure));
}

void DecisionKeeper::tell_of_recovery() {
    const std::uint64_t lost = decisions_.lost();
    const std::uint64_t lost_since = lost - std::exchange(lost_and_told_, lost);
    if (std::exchange(has_failed_, false)) framework_log().warn("decisions of modules are written again");
    if (lost_since > 0) framework_log().warn("{} decisions of modules were lost: there were more than memory keeps", lost_since);
}

async::task<DecisionPage> DecisionKeeper::find(DecisionFilter filter, std::optional<DecisionPlace> from, std::size_t limit) {
    // What is written meanwhile would be in neither, if the store were asked first and the memory overwritten then.
    DecisionPage in_memory = decisions_.find(filter, from ? &*from : nullptr, limit);
    std::exception_ptr failure;
    DecisionPage in_store;
    try {
        async::task<DecisionPage> finding = store_->find(std::move(filter), std::move(from), limit);
        in_store = co_await std::move(finding);
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        rethrow_if_cancelled(failure);
        framework_log().warn("decisions of modules that are kept can't be read, those in memory are shown: {}", callbacks::message_of(failure));
        in_memory.is_incomplete = true;
        co_return in_memory;
    }
    co_return merged(std::move(in_memory), std::move(in_store), limit);
}

DecisionPage merged(DecisionPage one, DecisionPage other, std::size_t limit) {
    DecisionPage page;
    page.has_more = one.has_more || other.has_more;
    const auto is_before = [](const Decision& left, const Decision& right) { return DecisionPlace::of(left).is_before(right); };
    std::merge(std::make_move_iterator(one.decisions.begin()), std::make_move_iterator(one.decisions.end()),
               std::make_move_iterator(other.decisions.begin()), std::make_move_iterator(other.decisions.end()),
               std::back_inserter(page.decisions), is_before);
    const auto is_same = [](const Decision& left, const Decision& right) { return left.id == right.id; };
    page.decisions.erase(std::unique(page.decisions.begin(), page.decisions.end(), is_same), page.decisions.end());
    if (page.decisions.size() > limit) {
        page.decisions.resize(limit);
        page.has_more = true;
    }
    return page;
}

}  // namespace modapi
