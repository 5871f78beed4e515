#include "accounts/shared_turns.h"

#include "accounts/turn_rows.h"
#include "text/secrets.h"

#include <callbacks/text.h>

#include <async/child_context.h>
#include <async/notification.h>
#include <async/sleep.h>

#include <boost/algorithm/hex.hpp>

#include <chrono>
#include <utility>

namespace homeserver {

namespace {

constexpr std::chrono::milliseconds looks_again_after{50};
constexpr std::chrono::milliseconds renews_after{2'500};  // a try may fail, and be made again in time

const std::string no_holder;

/// The same for the same, and another one for another: names come from clients, before anybody has looked at them.
std::string storable(const std::string& what) {
    if (callbacks::is_storable_text(what)) return what;
    return "\n" + boost::algorithm::hex(what);  // no other name begins so
}

}  // namespace

struct SharedTurns::Row {
    std::string what;
    std::string holder;
    Reach reach = Reach::processes;
    Turns::Turn in_process;  ///< until the row is gone: the next one here would find it
    async::notification changed;
    bool is_over = false;
    bool is_gone = false;
};

SharedTurns::Held::Held(Turns::Turn in_process, std::shared_ptr<Row> row) noexcept
    : in_process_(std::move(in_process)), row_(std::move(row)) {}

SharedTurns::Held::~Held() {
    if (!row_) return;
    row_->is_over = true;
    row_->changed.notify_all();
}

const std::string& SharedTurns::Held::holder() const noexcept { return row_ ? row_->holder : no_holder; }

bool SharedTurns::has_rows(Reach reach) const noexcept { return reach == Reach::writers || database_.engine() == "postgresql"; }

async::task<bool> SharedTurns::take_row(const Row& row) {
    const std::int64_t now_ms = clock_.wall_time_ms();
    // Those who store events see the row, or are through before it is there.
    if (row.reach == Reach::writers) {
        co_return co_await database_.run_in_turn("take_turn", &take_turn_row, row.what, row.holder, now_ms);
    }
    co_return co_await database_.run("take_turn", &take_turn_row, row.what, row.holder, now_ms);
}

async::task<void> SharedTurns::end_row(const Row& row) {
    if (row.reach == Reach::writers) {
        co_await database_.run_in_turn("end_turn", &end_turn_row, row.what, row.holder);
    } else {
        co_await database_.run("end_turn", &end_turn_row, row.what, row.holder);
    }
}

async::task<void> SharedTurns::over(std::shared_ptr<Row> row) {
    while (!row->is_over) co_await row->changed.wait();
}

async::task<void> SharedTurns::renew(std::shared_ptr<Row> row) {
    const async::context& outer = co_await async::this_context;
    std::exception_ptr cancelled;
    while (!row->is_over && !cancelled) {
        try {
            async::task<void> waiting = async::with_deadline(renews_after, over(row));
            co_await std::move(waiting);
        } catch (const async::deadline_exceeded&) {
        } catch (const async::operation_cancelled&) {
            cancelled = std::current_exception();
        }
        if (row->is_over || cancelled) break;
        try {
            static_cast<void>(co_await take_row(*row));
        } catch (const modapi::DatabaseError&) {  // NOLINT: tried again; without the database nobody else has it either
        } catch (const async::operation_cancelled&) {
            cancelled = std::current_exception();
        }
    }
    async::child_context inner(outer, async::child_context::for_clean_up());
    std::exception_ptr failure;
    try {
        async::task<void> ending = end_row(*row);
        co_await std::move(ending).in(inner.here());
    } catch (...) {
        failure = std::current_exception();  // it ends by itself
    }
    row->is_gone = true;
    row->in_process.reset();
    row->changed.notify_all();
    if (failure) std::rethrow_exception(failure);
}

SharedTurns::Turn SharedTurns::keep(std::shared_ptr<Row> row) {
    background_.spawn("a turn", renew(row));
    return std::make_shared<Held>(nullptr, std::move(row));
}

async::task<SharedTurns::Turn> SharedTurns::take(std::string what, Reach reach) {
    Turns::Turn in_process = co_await turns_.take(what);
    if (!has_rows(reach)) co_return std::make_shared<Held>(std::move(in_process), nullptr);
    const auto row = std::make_shared<Row>();
    row->what = storable(what);
    row->holder = new_media_id();
    row->reach = reach;
    row->in_process = std::move(in_process);
    for (;;) {
        const bool is_taken = co_await take_row(*row);
        if (is_taken) co_return keep(row);
        co_await async::sleep_for(looks_again_after);
    }
}

async::task<SharedTurns::Turn> SharedTurns::begin(std::string what) {
    Turns::Turn in_process = turns_.begin(what);
    if (!in_process) co_return nullptr;
    if (!has_rows(Reach::processes)) co_return std::make_shared<Held>(std::move(in_process), nullptr);
    const auto row = std::make_shared<Row>();
    row->what = storable(what);
    row->holder = new_media_id();
    row->in_process = std::move(in_process);
    const bool is_taken = co_await take_row(*row);
    if (!is_taken) co_return nullptr;
    co_return keep(row);
}

async::task<void> SharedTurns::end(Turn turn) {
    const std::shared_ptr<Row> row = turn->row_;
    turn.reset();
    if (!row) co_return;
    // `renew` ends it, whatever becomes of this chain.
    while (!row->is_gone) co_await row->changed.wait();
}

}  // namespace homeserver
