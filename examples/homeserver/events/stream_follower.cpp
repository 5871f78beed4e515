#include "events/stream_follower.h"

#include "events/stream.h"

#include <callbacks/errors.h>
#include <modapi/hosting/cause.h>

#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace homeserver {

namespace {

constexpr std::chrono::seconds reads_unasked_after{3};
/// Between two reads: hints of those who store much are answered by one.
constexpr std::chrono::milliseconds joins_hints_for{5};
/// Likewise where only pushers are to be told, which nobody waits for.
constexpr std::chrono::milliseconds joins_hints_for_pushers{50};

std::shared_ptr<modapi::NewEvent> new_event_of(ForeignEvent foreign) {
    modapi::Cause nothing_known;
    nothing_known.budget = std::make_shared<modapi::EventBudget>();
    return std::make_shared<modapi::NewEvent>(std::move(foreign.event), std::move(foreign.state), std::move(nothing_known));
}

void read_position(modapi::Transaction& transaction, void* position) {
    *static_cast<std::int64_t*>(position) = current_stream_position(transaction);
}

}  // namespace

std::int64_t newest_position(modapi::Database& database) {
    std::int64_t position = 0;
    database.run_blocking("find_newest_position", &read_position, &position);
    return position;
}

StreamFollower::StreamFollower(const async::environment& where, modapi::Database& database, Notifier& notifier,
                               WatchersOf watchers_of, StreamQuestion question)
    : database_(database),
      notifier_(notifier),
      watchers_of_(std::move(watchers_of)),
      question_(std::move(question)),
      executor_(where.executor),
      scope_(where, [](std::string_view name, const std::exception_ptr& failure) {
          spdlog::error("{} ended: {}", name, callbacks::message_of(failure));
      }) {}

StreamFollower::~StreamFollower() = default;

void StreamFollower::start(modapi::Bus* bus) {
    if (bus != nullptr) {
        modapi::Bus::Handlers handlers;
        handlers.message = [this](const modapi::BusMessage& message) { hear(message); };
        handlers.gap = [this] { look(); };
        subscriber_ = bus->subscribe(executor_, std::move(handlers));
        bus_ = bus;
        notifier_.connect(bus, subscriber_);
    }
    scope_.spawn("following the stream", follow());
}

async::task<void> StreamFollower::stop() {
    if (bus_ != nullptr) std::exchange(bus_, nullptr)->unsubscribe(subscriber_);
    scope_.cancel(async::cancel_reason::stopping);
    co_await scope_.join();
}

void StreamFollower::look() {
    is_hinted_ = true;
    hinted_.notify_all();
}

void StreamFollower::hear(const modapi::BusMessage& message) {
    // A sync that begins after this finds it by its own first look; the rest is read within seconds.
    if (message.topic == stream_topic && notifier_.audience().is_somebody()) look();
    if (message.topic != woken_user_topic) return;
    News news;
    news.users.push_back(message.text);
    notifier_.tell(news);
}

async::task<void> StreamFollower::follow() {
    bool failed = false;
    for (;;) {
        is_hinted_ = false;
        std::exception_ptr failure;
        try {
            co_await read_on();
        } catch (const async::operation_cancelled&) {
            throw;
        } catch (...) {
            failure = std::current_exception();
        }
        // One line for each time that the database is gone.
        if (failure && !failed) {
            spdlog::warn("what other processes store can't be read, and is tried again every {} s: {}",
                         reads_unasked_after.count(), callbacks::message_of(failure));
        }
        failed = failure != nullptr;
        if (failed) is_hinted_ = false;
        co_await wait_for_hint();
    }
}

async::task<void> StreamFollower::wait_for_hint() {
    const std::chrono::milliseconds pause = notifier_.audience().waits() ? joins_hints_for : joins_hints_for_pushers;
    co_await async::sleep_for(pause);
    if (is_hinted_) co_return;
    const async::context& here = co_await async::this_context;
    try {
        async::task<void> waiting = async::with_deadline(reads_unasked_after, hinted());
        co_await std::move(waiting);
    } catch (const async::deadline_exceeded&) {
    }
    here.throw_if_cancelled();
}

async::task<void> StreamFollower::hinted() { co_await hinted_.wait(); }

async::task<void> StreamFollower::read_on() {
    for (;;) {
        async::task<StreamPage> reading =
            database_.read("follow_stream", &read_stream, question_, std::cref(notifier_.audience()), std::ref(states_),
                           std::cref(watchers_of_));
        StreamPage page = co_await std::move(reading);
        const bool is_last = page.is_last;
        const std::int64_t until = page.until;
        question_.after = until;
        tell(std::move(page));
        has_read_to_.store(until);
        if (is_last) co_return;
    }
}

void StreamFollower::tell(StreamPage page) {
    for (ForeignEvent& foreign : page.events) {
        News news;
        news.event = new_event_of(std::move(foreign));
        news.position = page.until;
        notifier_.tell(news);
    }
    if (page.users.empty() && !page.is_for_everybody) return;
    News news;
    news.users = std::move(page.users);
    news.position = page.until;
    news.is_for_everybody = page.is_for_everybody;
    notifier_.tell(news);
}

}  // namespace homeserver
