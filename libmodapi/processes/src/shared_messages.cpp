#include <modapi/hosting/log.h>
#include <modapi/hosting/shared_messages.h>

#include <async/child_context.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <stdexcept>
#include <tuple>
#include <utility>

namespace modapi {

namespace {

constexpr std::string_view bus_topic = "messages";
/// What a transaction writes at once: the rest is the next one's.
constexpr std::size_t most_in_batch = 500;
constexpr std::size_t page = 500;

/// Adds rows that this transaction sees and the snapshot `since` doesn't, those behind the id `behind` in the order of their writing; gives
/// their number.
std::size_t add_page(Transaction& transaction, const std::string& since, const std::string& instance, std::int64_t& behind,
                     std::vector<SharedMessage>& messages, std::size_t& bytes) {
    auto rows = transaction.query<std::int64_t, std::string, std::string, std::string>(
        "SELECT id, sender, topic, text FROM ("
        "SELECT id, sender, topic, text FROM modapi_messages "
        "WHERE written_in >= txid_snapshot_xmax(CAST(? AS txid_snapshot)) "
        "UNION ALL "
        "SELECT id, sender, topic, text FROM modapi_messages "
        "WHERE written_in IN (SELECT txid_snapshot_xip(CAST(? AS txid_snapshot)))"
        ") AS found WHERE sender <> ? AND id > ? ORDER BY id LIMIT ?",
        since, since, instance, behind, static_cast<std::int64_t>(page));
    for (auto& [id, sender, topic, text] : rows) {
        behind = id;
        bytes += text.size();
        messages.push_back({std::move(sender), std::move(topic), std::move(text)});
    }
    return rows.size();
}

}  // namespace

/// What one look at the table found.
struct SharedMessages::Reading {
    std::string snapshot;
    bool has_gap = false;
    std::vector<SharedMessage> messages;
};

/// A message that somebody waits for. All but the message is the waiting executor's.
struct SharedMessages::Sending {
    std::string topic;
    std::string text;
    boost::asio::any_io_executor home;
    bool has_ended = false;
    std::exception_ptr failure;
    async::notification ended;

    static void end(const std::shared_ptr<Sending>& sending, const std::exception_ptr& failure) {
        boost::asio::post(sending->home, [sending, failure] {
            sending->failure = failure;
            sending->has_ended = true;
            sending->ended.notify_all();
        });
    }
    [[nodiscard]] static async::task<void> until_ended(std::shared_ptr<Sending> sending) {
        while (!sending->has_ended) co_await sending->ended.wait();
    }
};

/// Those that aren't written yet.
struct SharedMessages::Outbox {
    std::mutex mutex;
    std::deque<std::shared_ptr<Sending>> queue;  ///< under the mutex
    bool is_closed = false;                      ///< likewise
    async::notification filled;                  ///< of the environment's executor

    [[nodiscard]] bool empty() {
        const std::scoped_lock lock(mutex);
        return queue.empty();
    }
    [[nodiscard]] std::vector<std::shared_ptr<Sending>> take(std::size_t most) {
        const std::scoped_lock lock(mutex);
        std::vector<std::shared_ptr<Sending>> taken;
        while (!queue.empty() && taken.size() < most) {
            taken.push_back(std::move(queue.front()));
            queue.pop_front();
        }
        return taken;
    }
    void close() {
        const std::scoped_lock lock(mutex);
        is_closed = true;
    }
};

SharedMessages::SharedMessages(Database& database, Bus& bus, std::string instance, const async::environment& where,
                               Settings settings)
    : database_(database),
      bus_(bus),
      instance_(std::move(instance)),
      where_(where),
      settings_(settings),
      outbox_(std::make_unique<Outbox>()) {
    const auto read_on = [this] {
        is_to_read_ = true;
        woken_.notify_all();
    };
    Bus::Handlers handlers;
    handlers.message = [read_on](const BusMessage& message) {
        if (message.topic == bus_topic) read_on();
    };
    handlers.gap = read_on;
    subscription_ = bus_.subscribe(where_.executor, std::move(handlers));
}

SharedMessages::~SharedMessages() { bus_.unsubscribe(subscription_); }

void SharedMessages::create(Transaction& transaction) {
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS modapi_messages (id BIGSERIAL PRIMARY KEY, written_in BIGINT NOT NULL DEFAULT txid_current(), "
        "sender TEXT NOT NULL, topic TEXT NOT NULL, text TEXT NOT NULL, "
        "written_ts TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp())");
    transaction.execute("CREATE INDEX IF NOT EXISTS modapi_messages_by_transaction ON modapi_messages (written_in)");
    // Up to which transaction rows may be gone.
    transaction.execute("CREATE TABLE IF NOT EXISTS modapi_messages_pruned (up_to BIGINT NOT NULL)");
    transaction.execute(
        "INSERT INTO modapi_messages_pruned (up_to) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM modapi_messages_pruned)");
}

void SharedMessages::listen(std::string topic, Handler handler) { handlers_.emplace(std::move(topic), std::move(handler)); }
void SharedMessages::on_gap(std::function<void()> handler) { gap_handlers_.push_back(std::move(handler)); }

void SharedMessages::open() {
    database_.run_blocking(
        "find the newest message",
        [](Transaction& transaction, void* self) {
            const auto row = transaction.query_one<std::string>("SELECT CAST(txid_current_snapshot() AS TEXT)");
            static_cast<SharedMessages*>(self)->snapshot_ = std::get<0>(row.value());
        },
        this);
}

void SharedMessages::begin(async::scope& scope) {
    scope.spawn("reading messages of other processes", follow(*this));
    scope.spawn("writing messages for other processes", write_on(*this));
    scope.spawn("removing old messages between processes", prune_on(*this));
}

SharedMessages::Reading SharedMessages::read(Transaction& transaction, const std::string& since, const std::string& instance,
                                             const Settings& settings) {
    Reading reading;
    const auto [snapshot, oldest_unseen, pruned] =
        transaction
            .query_one<std::string, std::int64_t, std::int64_t>(
                "SELECT CAST(txid_current_snapshot() AS TEXT), txid_snapshot_xmin(CAST(? AS txid_snapshot)), "
                "(SELECT MAX(up_to) FROM modapi_messages_pruned)",
                since)
            .value();
    reading.snapshot = snapshot;
    reading.has_gap = pruned >= oldest_unseen;
    std::size_t bytes = 0;
    std::int64_t behind = 0;
    std::size_t found = page;
    while (found == page) {
        found = add_page(transaction, since, instance, behind, reading.messages, bytes);
        if (reading.messages.size() <= settings.most_read && bytes <= settings.most_bytes) continue;
        reading.has_gap = true;
        reading.messages.clear();
        break;
    }
    return reading;
}

void SharedMessages::tell(const Reading& reading) {
    if (reading.has_gap) {
        framework_log().warn("messages of other processes may have been missed: this one was away for too long, or there were too many");
        for (const std::function<void()>& handler : gap_handlers_) handler();
    }
    for (const SharedMessage& message : reading.messages) {
        const auto [first, end] = handlers_.equal_range(message.topic);
        for (auto handler = first; handler != end; ++handler) handler->second(message);
    }
}

async::task<void> SharedMessages::until_woken() {
    while (!is_to_read_) co_await woken_.wait();
}

async::task<void> SharedMessages::follow(SharedMessages& self) {
    const async::context& here = co_await async::this_context;
    bool has_failed = false;
    for (;;) {
        try {
            async::task<void> waiting = async::with_deadline(self.settings_.reads_every, self.until_woken());
            co_await std::move(waiting);
        } catch (const async::deadline_exceeded&) {  // NOLINT: it reads all the same
        }
        here.throw_if_cancelled();
        // What comes from now on may be too late for this reading.
        self.is_to_read_ = false;
        try {
            const Reading reading = co_await self.database_.read("read messages of other processes", &SharedMessages::read,
                                                                 self.snapshot_, self.instance_, self.settings_);
            self.readings_.fetch_add(1, std::memory_order_relaxed);
            if (reading.messages.empty() && !reading.has_gap) self.in_vain_.fetch_add(1, std::memory_order_relaxed);
            self.snapshot_ = reading.snapshot;
            self.tell(reading);
            has_failed = false;
        } catch (const DatabaseError& error) {
            if (!std::exchange(has_failed, true))
                framework_log().warn("messages of other processes can't be read: {}", error.what());
        }
    }
}

void SharedMessages::write(Transaction& transaction, std::string_view topic, std::string_view text) const {
    transaction.execute_later("INSERT INTO modapi_messages (sender, topic, text) VALUES (?, ?, ?)", instance_, topic, text);
}

void SharedMessages::wake() {
    BusMessage message;
    message.topic = bus_topic;
    bus_.publish(subscription_, std::move(message));
}

void SharedMessages::insert(Transaction& transaction, const std::string& instance,
                            const std::vector<std::shared_ptr<Sending>>& batch) {
    for (const std::shared_ptr<Sending>& sending : batch) {
        transaction.execute_later("INSERT INTO modapi_messages (sender, topic, text) VALUES (?, ?, ?)", instance, sending->topic,
                                  sending->text);
    }
}

async::task<void> SharedMessages::send(SharedMessages& self, std::string topic, std::string text) {
    const async::context& here = co_await async::this_context;
    here.throw_if_cancelled();
    const auto sending = std::make_shared<Sending>();
    sending->topic = std::move(topic);
    sending->text = std::move(text);
    sending->home = here.executor();
    {
        const std::scoped_lock lock(self.outbox_->mutex);
        if (self.outbox_->is_closed) throw std::runtime_error("nothing is written for other processes any more: this one stops");
        self.outbox_->queue.push_back(sending);
        boost::asio::post(self.where_.executor, [outbox = self.outbox_.get()] { outbox->filled.notify_all(); });
    }
    async::context uncut = here;
    uncut.cancellation = nullptr;
    async::task<void> waiting = Sending::until_ended(sending);
    co_await std::move(waiting).in(uncut);
    if (sending->failure) std::rethrow_exception(sending->failure);
}

async::task<void> SharedMessages::write_on(SharedMessages& self) {
    const async::context& here = co_await async::this_context;
    Outbox& outbox = *self.outbox_;
    std::exception_ptr stopped;
    try {
        for (;;) {
            while (outbox.empty()) co_await outbox.filled.wait();
            here.throw_if_cancelled();
            const std::vector<std::shared_ptr<Sending>> batch = outbox.take(most_in_batch);
            std::exception_ptr failure;
            try {
                co_await self.database_.run("write messages for other processes", &SharedMessages::insert, self.instance_, batch);
            } catch (...) {
                failure = std::current_exception();
            }
            if (!failure) self.wake();
            for (const std::shared_ptr<Sending>& sending : batch) Sending::end(sending, failure);
        }
    } catch (...) {
        stopped = std::current_exception();
    }
    outbox.close();
    for (const std::shared_ptr<Sending>& sending : outbox.take(outbox.queue.size())) Sending::end(sending, stopped);
    std::rethrow_exception(stopped);
}

void SharedMessages::prune(Transaction& transaction, std::int64_t kept_for_ms) {
    const auto newest = transaction.query_one<std::optional<std::int64_t>>(
        "SELECT MAX(written_in) FROM modapi_messages WHERE written_ts < clock_timestamp() - ? * INTERVAL '1 millisecond' "
        "AND written_in < txid_snapshot_xmin(txid_current_snapshot())",
        kept_for_ms);
    if (!newest || !std::get<0>(*newest)) return;
    const std::int64_t up_to = *std::get<0>(*newest);
    transaction.execute("UPDATE modapi_messages_pruned SET up_to = GREATEST(up_to, ?)", up_to);
    transaction.execute(
        "DELETE FROM modapi_messages WHERE written_ts < clock_timestamp() - ? * INTERVAL '1 millisecond' AND written_in <= ?",
        kept_for_ms, up_to);
}

async::task<void> SharedMessages::prune_on(SharedMessages& self) {
    for (;;) {
        co_await async::sleep_for(self.settings_.prunes_every);
        try {
            // Several processes may do it at once: one of them may fail, and the rows are gone all the same.
            co_await self.database_.run("remove old messages between processes", &SharedMessages::prune,
                                        static_cast<std::int64_t>(self.settings_.kept_for.count()));
        } catch (const DatabaseError& error) {
            framework_log().warn("old messages between processes stay for now: {}", error.what());
        }
    }
}

SharedMessages::Counts SharedMessages::counts() const noexcept {
    return {readings_.load(std::memory_order_relaxed), in_vain_.load(std::memory_order_relaxed)};
}

}  // namespace modapi
