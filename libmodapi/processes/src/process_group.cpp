#include <modapi/hosting/log.h>
#include <modapi/hosting/process_group.h>

#include <callbacks/errors.h>

#include <async/co_spawn.h>
#include <async/run_on.h>
#include <async/scope.h>
#include <async/sleep.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <spdlog/spdlog.h>

#include <exception>
#include <future>
#include <thread>
#include <utility>

namespace modapi {

namespace {

/// The lease, for a transaction of work that began with one fencing number.
class Term final : public TransactionCondition {
public:
    explicit Term(std::int64_t number) noexcept : number_(number) {}
    void require(Transaction& transaction) const override { BackgroundLease::require(transaction, number_); }

private:
    const std::int64_t number_;
};

/// What the log calls a failure that goes on: once, until it is over.
class Failing {
public:
    explicit Failing(std::string_view what) noexcept : what_(what) {}
    void failed(const std::exception& error) {
        if (!std::exchange(is_known_, true)) framework_log().warn("{}: {}", what_, error.what());
    }
    void went_well() noexcept { is_known_ = false; }

private:
    std::string_view what_;
    bool is_known_ = false;
};

}  // namespace

struct ProcessGroup::Thread {
    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> works{io.get_executor()};
    boost::asio::thread_pool may_block{1};  ///< for the connection that holds the name
    async::environment where{io.get_executor()};
    async::scope scope{where, [](std::string_view what, const std::exception_ptr& failure) {
                           framework_log().error("{} has ended: {}", what, callbacks::message_of(failure));
                       }};
    std::thread thread;
    bool has_begun = false;
    bool was_stopped = false;
};

ProcessGroup::ProcessGroup(Database& database, const DatabaseSettings& database_settings, std::unique_ptr<Bus> bus,
                           ProcessGroupSettings settings)
    : settings_(std::move(settings)),
      own_(ProcessIdentity::of_this_process(settings_.name, settings_.version, settings_.modules)),
      thread_(std::make_unique<Thread>()),
      bus_(std::move(bus)),
      registry_(database, database_settings, own_, *thread_->where.clock),
      lease_(database, own_, settings_.lease, *thread_->where.clock),
      messages_(database, *bus_, own_.instance, thread_->where, settings_.messages),
      questions_(messages_, registry_, own_, thread_->scope) {
    database.run_blocking(
        "make the tables of processes",
        [](Transaction& transaction, void*) {
            ProcessRegistry::create(transaction);
            SharedMessages::create(transaction);
        },
        nullptr);
    enter();
}

ProcessGroup::~ProcessGroup() { stop(); }

void ProcessGroup::enter() {
    registry_.enter();
    messages_.open();
    static_cast<void>(lease_.take_at_start());
}

void ProcessGroup::begin(Handlers handlers) {
    {
        const std::scoped_lock lock(mutex_);
        handlers_ = std::move(handlers);
    }
    thread_->has_begun = true;
    messages_.begin(thread_->scope);
    thread_->scope.spawn("telling other processes that this one lives", beat(*this));
    thread_->scope.spawn("watching the process's name", watch_name(*this));
    thread_->scope.spawn("keeping the lease of background work", lease_.keep([this](bool owns) { keep_lease(owns); }));
    thread_->thread = std::thread([this] { thread_->io.run(); });
}

void ProcessGroup::forget_handlers() noexcept {
    const std::scoped_lock lock(mutex_);
    handlers_ = Handlers();
}

void ProcessGroup::keep_lease(bool owns) {
    const std::scoped_lock lock(mutex_);
    if (handlers_.background_term) handlers_.background_term(owns ? lease_.fence() : 0);
}

async::task<void> ProcessGroup::beat(ProcessGroup& self) {
    Failing failing("other processes can't be told that this one lives");
    for (;;) {
        try {
            async::task<void> beating = self.registry_.heartbeat();
            co_await std::move(beating);
            failing.went_well();
        } catch (const DatabaseError& error) {
            failing.failed(error);
        }
        co_await async::sleep_for(self.settings_.heartbeat_every);
    }
}

async::task<void> ProcessGroup::watch_name(ProcessGroup& self) {
    Failing failing("whether this process's name is still its own isn't known");
    for (;;) {
        co_await async::sleep_for(self.settings_.name_checked_every);
        bool is_own = true;
        try {
            ProcessRegistry* const registry = &self.registry_;
            async::task<bool> checking = async::run_on(self.thread_->may_block.get_executor(), &ProcessRegistry::check_name, registry);
            is_own = co_await std::move(checking);
            failing.went_well();
        } catch (const DatabaseError& error) {
            failing.failed(error);
        }
        if (is_own) continue;
        const std::scoped_lock lock(self.mutex_);
        if (self.handlers_.must_end)
            self.handlers_.must_end("another process has the name " + self.own_.name +
                                    " now: this one's connection to the database was lost for too long");
        co_return;
    }
}

async::task<void> ProcessGroup::end(ProcessGroup& self) {
    async::task<void> joining = self.thread_->scope.join();
    co_await std::move(joining);
    async::task<void> giving_up = self.lease_.give_up();
    co_await std::move(giving_up);
    async::task<void> leaving = self.registry_.leave();
    co_await std::move(leaving);
}

void ProcessGroup::stop() noexcept {
    Thread& thread = *thread_;
    if (std::exchange(thread.was_stopped, true)) return;
    forget_handlers();
    if (!thread.has_begun) thread.thread = std::thread([&thread] { thread.io.run(); });
    std::promise<void> ended;
    boost::asio::post(thread.io, [this, &thread, &ended] {
        thread.scope.cancel();
        async::co_spawn(thread.where, end(*this), [&ended](const std::exception_ptr& failure) {
            if (failure) framework_log().error("leaving the other processes failed: {}", callbacks::message_of(failure));
            ended.set_value();
        });
    });
    ended.get_future().wait();
    thread.may_block.join();
    thread.works.reset();
    thread.thread.join();
}

std::shared_ptr<const TransactionCondition> ProcessGroup::lease_of(std::int64_t term) { return std::make_shared<const Term>(term); }

}  // namespace modapi
