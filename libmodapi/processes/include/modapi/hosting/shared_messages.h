#pragma once

#include <modapi/database.h>
#include <modapi/hosting/bus.h>

#include <async/context.h>
#include <async/notification.h>
#include <async/scope.h>
#include <async/task.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// What one process tells the others.
struct SharedMessage {
    std::string sender;  ///< the instance of the process that wrote it
    std::string topic;
    std::string text;  ///< without NUL characters, which PostgreSQL refuses
};

/// Messages that the processes of one server leave each other as rows of their PostgreSQL database, for some minutes. The bus only wakes
/// who reads them: a message on it may be lost, and the rows are read at the next one, after a gap, and every few seconds.
///
/// Each process gets every message of the others that is committed while it lives, once. Those of one sender come in the order in which
/// they were written, if each was written after the commit of the one before. Which ones are new is told by PostgreSQL's snapshots:
/// what this reading's sees and the last one's didn't, however long a transaction took to commit. So nothing waits for anything, and no
/// counter makes writers queue. Who was away for longer than rows are kept, or finds too many of them, has a gap: it has to suppose that
/// anything was said.
///
/// Thread: the executor's of its environment, but for what is said to be for any. Lifetime: database and bus outlive it; the scope that
/// it runs in was joined before it is destroyed.
class SharedMessages {
public:
    /// How often it looks by itself, and how long messages are kept.
    struct Settings {
        std::chrono::milliseconds reads_every{3000};    ///< also when nobody wakes it
        std::chrono::milliseconds prunes_every{60'000};
        std::chrono::milliseconds kept_for{600'000};    ///< by the database's clock
        std::size_t most_read = 50'000;                 ///< messages in one reading; more of them: a gap
        std::size_t most_bytes = 64 * 1024 * 1024;      ///< likewise of their texts
    };
    using Handler = std::function<void(const SharedMessage&)>;

    /// `instance` is this start of this process, and no other's.
    SharedMessages(Database& database, Bus& bus, std::string instance, const async::environment& where, Settings settings);
    SharedMessages(Database& database, Bus& bus, std::string instance, const async::environment& where)
        : SharedMessages(database, bus, std::move(instance), where, Settings()) {}
    ~SharedMessages();
    SharedMessages(const SharedMessages&) = delete;
    SharedMessages& operator=(const SharedMessages&) = delete;

    /// Makes the tables, if they aren't there. One transaction at a time.
    static void create(Transaction& transaction);

    /// What is called for the others' messages of a topic. Before `begin`. It must not throw and not wait.
    void listen(std::string topic, Handler handler);
    /// What is called when messages may have been missed. Before `begin`.
    void on_gap(std::function<void()> handler);
    /// From here on nothing of the others is missed. Blocks; before the service begins. Errors: DatabaseError.
    void open();
    /// Reads on, writes and prunes in `scope`, whose environment is this one's, until it is cancelled. Failures are logged, and it goes on.
    void begin(async::scope& scope);

    /// Writes a message in a transaction, to take effect with its commit; `wake` after that. Thread: any.
    void write(Transaction& transaction, std::string_view topic, std::string_view text) const;
    /// Tells the others that there is something to read. Thread: any.
    void wake();
    /// Writes a message and returns when it is committed. Those that are sent while one is being written share the next transaction.
    /// Awaited on any executor, which lives until then. Cancel: it is written first. Errors: DatabaseError; std::runtime_error behind the
    /// end of the scope.
    [[nodiscard]] static async::task<void> send(SharedMessages& self, std::string topic, std::string text);

    [[nodiscard]] const std::string& instance() const noexcept { return instance_; }
    /// How often it has read, and how often that found nothing: what being woken for nothing costs. Thread: any.
    struct Counts {
        std::uint64_t readings = 0;
        std::uint64_t in_vain = 0;
    };
    [[nodiscard]] Counts counts() const noexcept;

private:
    struct Reading;
    struct Sending;
    struct Outbox;

    [[nodiscard]] static Reading read(Transaction& transaction, const std::string& since, const std::string& instance,
                                      const Settings& settings);
    static void insert(Transaction& transaction, const std::string& instance, const std::vector<std::shared_ptr<Sending>>& batch);
    static void prune(Transaction& transaction, std::int64_t kept_for_ms);
    [[nodiscard]] static async::task<void> follow(SharedMessages& self);
    [[nodiscard]] static async::task<void> write_on(SharedMessages& self);
    [[nodiscard]] static async::task<void> prune_on(SharedMessages& self);
    void tell(const Reading& reading);
    [[nodiscard]] async::task<void> until_woken();

    Database& database_;
    Bus& bus_;
    const std::string instance_;
    const async::environment where_;
    const Settings settings_;
    std::multimap<std::string, Handler, std::less<>> handlers_;
    std::vector<std::function<void()>> gap_handlers_;
    std::size_t subscription_ = 0;
    std::string snapshot_;  ///< of the last reading
    bool is_to_read_ = false;
    async::notification woken_;
    std::unique_ptr<Outbox> outbox_;
    std::atomic<std::uint64_t> readings_{0};
    std::atomic<std::uint64_t> in_vain_{0};
};

}  // namespace modapi
