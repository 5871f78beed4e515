#include "push/http_pushers.h"

#include "events/stream.h"
#include "push/due_notification.h"
#include "push/push_gateway.h"
#include "push/unread_notifications.h"

#include <callbacks/errors.h>

#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace homeserver {

namespace {

using modapi::Transaction;

constexpr std::size_t max_at_once = 64;
/// Between two looks for pushes: events that are stored meanwhile are looked at together, and who sends many pays for few looks.
constexpr std::chrono::milliseconds joins_events_for{50};
constexpr std::chrono::seconds max_delay = std::chrono::hours(1);
constexpr std::chrono::milliseconds longest_failure = std::chrono::hours(24);

/// Every user who has a pusher if they are few; else those of the ones that are asked about.
std::vector<std::string> with_pushers_among(Transaction& transaction, const UsersToPush& asked) {
    constexpr std::size_t few = 64;
    std::vector<std::string> found;
    for (auto& [user_id] : transaction.query<std::string>("SELECT DISTINCT user_id FROM pushers LIMIT ?", few + 1))
        found.push_back(std::move(user_id));
    const auto is_asked_about = [&](const std::string& user_id) {
        const auto has_user = [&](const auto& members) {
            return std::binary_search(members->begin(), members->end(), user_id);
        };
        return asked.users.contains(user_id) || std::any_of(asked.members.begin(), asked.members.end(), has_user);
    };
    if (found.size() <= few) {
        std::erase_if(found, [&](const std::string& user_id) { return !is_asked_about(user_id); });
        return found;
    }
    std::set<std::string> users = asked.users;
    for (const auto& members : asked.members) users.insert(members->begin(), members->end());
    return users_with_pushers(transaction, users);
}

bool has_something_due(Transaction& transaction, const std::string& user_id) {
    const auto told =
        transaction.query_one<std::optional<std::int64_t>>("SELECT MIN(last_position) FROM pushers WHERE user_id = ?", user_id);
    const std::optional<std::int64_t>& least = std::get<0>(told.value());
    return least && has_unread(transaction, user_id, *least);
}

std::vector<std::string> all_with_pushers(Transaction& transaction) {
    std::vector<std::string> users;
    for (auto& [user_id] : transaction.query<std::string>("SELECT DISTINCT user_id FROM pushers"))
        users.push_back(std::move(user_id));
    return users;
}

std::vector<Pusher> pushers_with_something_due(Transaction& transaction, const UsersToPush& users) {
    std::vector<Pusher> due;
    for (const std::string& user_id : with_pushers_among(transaction, users)) {
        if (!has_something_due(transaction, user_id)) continue;
        for (Pusher& pusher : pushers_of(transaction, user_id)) due.push_back(std::move(pusher));
    }
    return due;
}

void note_told(Transaction& transaction, const Pusher& pusher, std::int64_t position) {
    transaction.execute(
        "UPDATE pushers SET last_position = ?, failing_since = NULL WHERE user_id = ? AND app_id = ? AND pushkey = ?", position,
        pusher.user_id, pusher.app_id, pusher.pushkey);
}

/// True: it has failed for so long that everything up to now is left out.
bool note_failed(Transaction& transaction, const Pusher& pusher, std::int64_t now) {
    if (pusher.failing_since && now - *pusher.failing_since > longest_failure.count()) {
        note_told(transaction, pusher, current_stream_position(transaction));
        return true;
    }
    transaction.execute(
        "UPDATE pushers SET failing_since = COALESCE(failing_since, ?) WHERE user_id = ? AND app_id = ? AND pushkey = ?", now,
        pusher.user_id, pusher.app_id, pusher.pushkey);
    return false;
}

}  // namespace

std::chrono::seconds RetryDelay::next() noexcept {
    const std::chrono::seconds now = delay_;
    delay_ = std::min(2 * delay_, max_delay);
    return now;
}

HttpPushers::HttpPushers(const async::environment& where, modapi::Database& database,
                         callbacks::AccountValidityDispatch& account_validity, PushGateway& gateway,
                         std::shared_ptr<const modapi::TransactionCondition> lease)
    : database_(database),
      clock_(*where.clock),
      account_validity_(account_validity),
      gateway_(gateway),
      lease_(std::move(lease)),
      scope_(where, [](std::string_view name, const std::exception_ptr& failure) {
          spdlog::error("{} ended: {}", name, callbacks::message_of(failure));
      }) {}

HttpPushers::~HttpPushers() = default;

void HttpPushers::start() { scope_.spawn("taking up pushes", take_up_what_was_left()); }

void HttpPushers::look(const std::vector<std::string>& users, std::shared_ptr<const std::vector<std::string>> members) {
    users_.users.insert(users.begin(), users.end());
    if (members) users_.members.insert(std::move(members));
    look_on();
}

void HttpPushers::look_on() {
    if (is_looking_ || users_.empty()) return;
    is_looking_ = true;
    scope_.spawn("looking for pushes", find_work());
}

async::task<void> HttpPushers::stop() {
    scope_.cancel(async::cancel_reason::stopping);
    return scope_.join();
}

async::task<void> HttpPushers::take_up_what_was_left() {
    std::vector<std::string> users = co_await database_.read("users_to_push", &all_with_pushers);
    // Few at once: a look at what is unread takes a while for each, and a transaction that only reads has its time.
    constexpr std::size_t at_once = 100;
    for (std::size_t first = 0; first < users.size(); first += at_once) {
        UsersToPush some;
        for (std::size_t index = first; index < std::min(users.size(), first + at_once); ++index)
            some.users.insert(std::move(users[index]));
        co_await begin_due(std::move(some));
    }
}

async::task<void> HttpPushers::find_work() {
    try {
        while (!users_.empty()) {
            co_await look_once();
            co_await async::sleep_for(joins_events_for);
        }
    } catch (...) {
        is_looking_ = false;
        throw;
    }
    is_looking_ = false;
}

async::task<void> HttpPushers::look_once() {
    const async::context& here = co_await async::this_context;
    UsersToPush users = std::exchange(users_, UsersToPush());
    std::exception_ptr failure;
    try {
        co_await begin_due(std::move(users));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) co_return;
    here.throw_if_cancelled();
    // The next event has the users looked at again; others' come meanwhile.
    spdlog::error("a look for pushes ended: {}", callbacks::message_of(failure));
}

async::task<void> HttpPushers::begin_due(UsersToPush users) {
    std::vector<Pusher> due = co_await database_.read("pushers_due", &pushers_with_something_due, std::move(users));
    std::string user_id;  // whose pushers follow each other
    bool is_expired = false;
    for (Pusher& pusher : due) {
        if (pusher.user_id != user_id) {
            user_id = pusher.user_id;
            const std::optional<bool> answer = co_await account_validity_.is_user_expired(user_id);
            is_expired = answer.value_or(false);
        }
        if (!is_expired) begin(std::move(pusher));
    }
}

void HttpPushers::begin(Pusher pusher) {
    const Key key{pusher.user_id, pusher.app_id, pusher.pushkey};
    const auto [work, is_new] = at_work_.try_emplace(key);
    if (is_new) {
        scope_.spawn("a pusher", serve(std::move(pusher)));
    } else {
        work->second.is_to_look_again = true;
    }
}

async::task<void> HttpPushers::serve(Pusher pusher) {
    const auto work = at_work_.find(Key{pusher.user_id, pusher.app_id, pusher.pushkey});
    try {
        co_await tell_all(std::move(pusher), work->second);
    } catch (...) {
        at_work_.erase(work);
        throw;
    }
    at_work_.erase(work);
}

async::task<void> HttpPushers::tell_all(Pusher pusher, AtWork& work) {
    RetryDelay delay;
    for (;;) {
        work.is_to_look_again = false;
        std::optional<DueNotification> due = co_await database_.read("due_notification", &next_due_notification, pusher);
        if (!due) {
            if (!work.is_to_look_again) co_return;
            continue;
        }
        while (talking_ >= max_at_once) co_await talked_.wait();
        ++talking_;
        PushOutcome outcome = PushOutcome::failed;
        std::exception_ptr failure;
        try {
            callbacks::JsonDict no_payload;
            outcome = co_await gateway_.notify(due->pusher, std::move(due->notification), std::move(due->tweaks),
                                               std::move(no_payload));
        } catch (...) {
            failure = std::current_exception();
        }
        --talking_;
        talked_.notify_all();
        if (failure) std::rethrow_exception(failure);
        if (outcome == PushOutcome::rejected) continue;  // it is gone, unless the user has set it anew
        if (outcome == PushOutcome::accepted) {
            delay.reset();
            co_await database_.run_under(lease_.get(), std::nullopt, "note_told", &note_told, due->pusher, due->position);
            continue;
        }
        const bool gave_up = co_await database_.run_under(lease_.get(), std::nullopt, "note_push_failed", &note_failed, due->pusher, clock_.wall_time_ms());
        if (gave_up) {
            spdlog::warn("a pusher of {} has failed for a day: what came meanwhile is left out", pusher.user_id);
            continue;
        }
        co_await async::sleep_for(delay.next());
    }
}

}  // namespace homeserver
