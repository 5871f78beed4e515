#include <modapi/hosting/background_lease.h>

#include <modapi/hosting/log.h>

#include "database_clock.h"

#include <async/context.h>
#include <async/sleep.h>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>

namespace modapi {

namespace {

constexpr const char* lease_name = "background_tasks";
constexpr async::clock::time_point never = async::clock::time_point::min();

/// Who has the lease, as the database says.
struct Owner {
    std::string name;
    std::string instance;
    std::int64_t left_ms = 0;
};

Owner read_owner(Transaction& transaction) {
    const auto row = transaction.query_one<std::string, std::string, std::int64_t>(
        "SELECT owner_name, owner_instance, ends_ms - " MODAPI_DATABASE_TIME_MS " FROM modapi_lease WHERE name = ?",
        lease_name);
    if (!row) throw DatabaseError("the table modapi_lease has lost its row: start the process again, which makes it");
    Owner owner;
    std::tie(owner.name, owner.instance, owner.left_ms) = *row;
    return owner;
}

constexpr std::int64_t no_fence = -1;

/// no_fence: there is none, or it is locked and to be skipped.
std::int64_t read_fence(Transaction& transaction, const std::string& lock) {
    const auto row =
        transaction.query_one<std::int64_t>("SELECT fence FROM modapi_lease_fence WHERE name = ?" + lock, lease_name);
    return row ? std::get<0>(*row) : no_fence;
}

void end_lease(Transaction& transaction, const std::string& instance) {
    transaction.execute("UPDATE modapi_lease SET ends_ms = 0 WHERE name = ? AND owner_instance = ?", lease_name, instance);
}

}  // namespace

/// What the database said to one try.
struct BackgroundLease::Answer {
    bool is_owned = false;
    bool is_in_use = false;          ///< it has ended, and a transaction that has asked for it hasn't
    std::int64_t fence = 0;          ///< of a take; 0: it was renewed
    async::clock::time_point asked;  ///< before the lease's new end was computed
    std::string owner;               ///< the other process that has it, or had it before
};

BackgroundLease::BackgroundLease(Database& database, ProcessIdentity own, BackgroundLeaseSettings settings, async::clock& clock)
    : database_(database), own_(std::move(own)), settings_(std::move(settings)), clock_(clock) {}

void BackgroundLease::create(Transaction& transaction) {
    // Apart from each other: renewing must not collide with transactions that ask for the number.
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS modapi_lease (name TEXT PRIMARY KEY, owner_name TEXT NOT NULL, "
        "owner_instance TEXT NOT NULL, ends_ms BIGINT NOT NULL)");
    transaction.execute("CREATE TABLE IF NOT EXISTS modapi_lease_fence (name TEXT PRIMARY KEY, fence BIGINT NOT NULL)");
    transaction.execute(
        "INSERT INTO modapi_lease (name, owner_name, owner_instance, ends_ms) VALUES (?, '', '', 0) ON CONFLICT DO NOTHING",
        lease_name);
    transaction.execute("INSERT INTO modapi_lease_fence (name, fence) VALUES (?, 0) ON CONFLICT DO NOTHING", lease_name);
}

bool BackgroundLease::may_try() const noexcept { return !settings_.only_on || *settings_.only_on == own_.name; }

bool BackgroundLease::could_be_taken(Transaction& transaction, const BackgroundLease& self) {
    if (self.settings_.only_on) return true;
    const Owner owner = read_owner(transaction);
    return owner.name == self.own_.name || owner.left_ms <= 0;
}

BackgroundLease::Answer BackgroundLease::take(Transaction& transaction, const BackgroundLease& self) {
    Answer answer;
    const Owner before = read_owner(transaction);
    answer.owner = before.name;
    const bool is_free = before.name == self.own_.name || before.left_ms <= 0;
    if (!is_free && !self.settings_.only_on) return answer;
    // Locked: by a transaction of background work that has asked for the number and is at work yet, or by another that takes
    // the lease now. Then it isn't free. Who asks from here on waits for the end of this transaction.
    const std::int64_t fence_before = read_fence(transaction, " FOR UPDATE SKIP LOCKED");
    answer.is_in_use = fence_before == no_fence;
    if (answer.is_in_use) return answer;
    // Also if this process had it before: what it began then belongs to the number of then.
    answer.fence = fence_before + 1;
    transaction.execute("UPDATE modapi_lease_fence SET fence = ? WHERE name = ?", answer.fence, lease_name);
    answer.asked = self.clock_.now();
    // If its owner has renewed it meanwhile, this fails and all is tried again: transactions are serializable.
    transaction.execute("UPDATE modapi_lease SET owner_name = ?, owner_instance = ?, ends_ms = " MODAPI_DATABASE_TIME_MS
                        " + ? WHERE name = ?",
                        self.own_.name, self.own_.instance, self.settings_.length.count(), lease_name);
    answer.is_owned = true;
    return answer;
}

BackgroundLease::Answer BackgroundLease::renew(Transaction& transaction, const BackgroundLease& self) {
    Answer answer;
    answer.asked = self.clock_.now();
    answer.is_owned = transaction.execute("UPDATE modapi_lease SET ends_ms = " MODAPI_DATABASE_TIME_MS
                                          " + ? WHERE name = ? AND owner_instance = ?",
                                          self.settings_.length.count(), lease_name, self.own_.instance) > 0;
    if (!answer.is_owned) answer.owner = read_owner(transaction).name;
    return answer;
}

void BackgroundLease::note(const Answer& answer) {
    other_ = answer.owner;
    if (answer.is_in_use && !is_waiting_) {
        framework_log().warn(
            "the lease of the background tasks has ended, but not a transaction of process {} that asked for it: "
            "this process, {}, waits for that",
            other_, own_.name);
    }
    is_waiting_ = answer.is_in_use;
    if (!answer.is_owned) {
        ends_ = never;
        return;
    }
    // An answer to a renewal that came too late: the work of before has been told to end, and the next take has another number.
    if (answer.fence == 0 && !owns()) return;
    if (answer.fence != 0) fence_ = answer.fence;
    ends_ = answer.asked + settings_.length;
}

bool BackgroundLease::take_at_start() {
    if (!may_try()) return false;
    struct Taking {
        const BackgroundLease& self;
        Answer answer;
    };
    Taking taking{*this, {}};
    const auto run = [](Transaction& transaction, void* state) {
        Taking& made = *static_cast<Taking*>(state);
        made.answer = take(transaction, made.self);
    };
    database_.run_blocking("take_background_lease", run, &taking);
    note(taking.answer);
    tell();
    return is_told_;
}

bool BackgroundLease::owns() const noexcept {
    const async::clock::time_point ends = ends_.load();
    return ends != never && clock_.now() < ends;
}

async::task<void> BackgroundLease::keep(std::function<void(bool owns)> changed) {
    if (!may_try()) co_return;
    changed_ = std::move(changed);
    struct End {
        BackgroundLease& self;
        ~End() {
            self.end_.reset();
            self.changed_ = nullptr;
        }
    };
    const End end{*this};
    const async::context& here = co_await async::this_context;
    for (;;) {
        // It may have ended by now, and may end while the answer is waited for.
        tell();
        watch(here.executor());
        const bool was_owned = is_told_;
        std::string failure;
        try {
            async::task<void> asking = renew_or_try(*this);
            co_await std::move(asking);
        } catch (const std::exception& error) {
            failure = error.what();
        }
        if (failure.empty()) {
            if (std::exchange(has_failed_, false))
                framework_log().warn("the lease of the background tasks can be asked for again");
        } else if (!std::exchange(has_failed_, true)) {
            framework_log().warn("the lease of the background tasks can't be {}, which is tried again: {}",
                                 was_owned ? "renewed" : "asked for", failure);
        }
        tell();
        async::clock::duration pause = settings_.try_every;
        if (is_told_) pause = failure.empty() ? settings_.renew_every : settings_.renew_every / 3;
        watch(here.executor());
        co_await async::sleep_for(pause);
    }
}

async::task<void> BackgroundLease::renew_or_try(BackgroundLease& self) {
    Answer answer;
    if (self.owns()) {
        async::task<Answer> renewing = self.database_.run("renew_background_lease", &renew, std::cref(self));
        answer = co_await std::move(renewing);
    } else {
        // A read costs less than a transaction that might collide with the owner's.
        async::task<bool> looking = self.database_.read("look_at_background_lease", &could_be_taken, std::cref(self));
        const bool is_worth_it = co_await std::move(looking);
        if (!is_worth_it) co_return;
        async::task<Answer> taking = self.database_.run("take_background_lease", &take, std::cref(self));
        answer = co_await std::move(taking);
    }
    self.note(answer);
}

void BackgroundLease::tell() {
    const bool is_owned = owns();
    if (is_owned == is_told_) return;
    is_told_ = is_owned;
    if (is_owned) {
        framework_log().info("this process, {}, runs the background tasks (its number is {})", own_.name, fence());
    } else if (ends_.load() == never) {
        framework_log().warn("process {} runs the background tasks now: this one, {}, doesn't any more", other_, own_.name);
    } else {
        framework_log().warn(
            "the lease of the background tasks couldn't be renewed and may have ended: this process, {}, doesn't run "
            "them until it has it again",
            own_.name);
    }
    if (changed_) changed_(is_owned);
}

void BackgroundLease::watch(const boost::asio::any_io_executor& executor) {
    end_.reset();
    if (!is_told_) return;
    const auto fire = [](void* self) { static_cast<BackgroundLease*>(self)->tell(); };
    end_ = clock_.call_at(ends_.load(), executor, fire, this);
}

void BackgroundLease::require(Transaction& transaction, std::int64_t began_with) {
    const std::int64_t now = read_fence(transaction, " FOR SHARE");
    if (now == began_with && now != 0) return;
    if (began_with == 0)
        throw LeaseLost("this process has never been the one that runs the background tasks: what it began isn't written");
    throw LeaseLost(fmt::format(
        "the background tasks have been taken over since this work began (their number is {}, this work's is {}): it "
        "isn't written, and is begun again by the process that has them",
        now, began_with));
}

async::task<void> BackgroundLease::give_up() {
    if (ends_.exchange(never) == never) co_return;
    is_told_ = false;
    std::string failure;
    try {
        async::task<void> ending = database_.run("end_background_lease", &end_lease, own_.instance);
        co_await std::move(ending);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    if (failure.empty()) co_return;
    framework_log().warn("the lease of the background tasks can't be given up, and ends by itself within {} ms: {}",
                         settings_.length.count(), failure);
}

}  // namespace modapi
