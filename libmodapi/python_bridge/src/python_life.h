#pragma once

#include "python_connection.h"
#include "python_program.h"

#include <callbacks/json.h>

#include <async/child_context.h>
#include <async/notification.h>
#include <async/suspension.h>
#include <async/task.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace modapi {

class PythonLife;

/// Something that was asked of a process, from the question to its answer; what the process asks meanwhile because of it runs
/// in the chain that waits here.
///
///     PythonRequest request(life, co_await async::this_context, "check_event_for_spam");
///     request.begin(std::move(message));
///     co_await request;                    // and then, on all ways out: request.operations_ended(...)
///
/// Lifetime: `life` and `here` outlive it. Thread: the worker's.
class PythonRequest final : public async::detail::suspension {
public:
    /// `asked` says in a log what it is; static.
    PythonRequest(PythonLife& life, const async::context& here, std::string_view asked) noexcept;
    ~PythonRequest();
    PythonRequest(const PythonRequest&) = delete;
    PythonRequest& operator=(const PythonRequest&) = delete;

    /// Sends it, with an id. Errors: PythonGone; std::length_error.
    void begin(callbacks::JsonDict message);
    [[nodiscard]] std::int64_t id() const noexcept { return id_; }
    [[nodiscard]] std::string_view asked() const noexcept { return asked_; }
    /// The chain that waits.
    [[nodiscard]] const async::context& chain() const noexcept { return chain_; }
    /// The whole answer, once it was awaited.
    [[nodiscard]] callbacks::JsonDict& answer() noexcept { return answer_; }

    /// Where what belongs to it runs: ends with the chain, and when `cancel_operations` says so.
    [[nodiscard]] const async::context& for_operations();
    void operation_began();
    void operation_ended() noexcept;
    /// Nothing that the process asks belongs to it: who asks doesn't wait for that.
    void refuse_operations() noexcept { takes_operations_ = false; }
    [[nodiscard]] bool takes_operations() const noexcept { return takes_operations_; }
    [[nodiscard]] bool has_operations() const noexcept { return operations_ > 0; }
    void cancel_operations();
    /// Waits for them, whatever is asked of the chain: they use it.
    [[nodiscard]] static async::task<void> operations_ended(PythonRequest& request);

    // For the life that it is asked of.
    void answered(callbacks::JsonDict answer);
    void failed(std::exception_ptr failure) noexcept;

    [[nodiscard]] bool await_ready() const noexcept { return has_ended_ || is_cancelled(); }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { suspend(waiting); }
    /// Errors: PythonGone; a cancellation, of which the process is told.
    void await_resume();

private:
    void on_cancelled() noexcept override { give_up(); }
    void give_up() noexcept;
    /// The time of tests stands still while it is the process's turn.
    void note_turn() noexcept;

    PythonLife& life_;
    const async::context& chain_;
    std::string_view asked_;
    std::int64_t id_ = 0;
    bool takes_operations_ = true;
    bool is_known_ = false;  // to the life
    bool has_ended_ = false;
    bool is_away_ = false;
    callbacks::JsonDict answer_{};
    std::exception_ptr failure_;
    std::size_t operations_ = 0;
    std::optional<async::child_context> operations_context_;
    async::notification operations_end_;
};

/// One interpreter from its start to its end, as the worker talks to it.
///
/// Thread: the worker's. Lifetime: `where` and the listener outlive it, or `end` was called.
class PythonLife : public std::enable_shared_from_this<PythonLife> {
public:
    /// The reason of an end that the process's own end says more of. Reasons are what is said of the process.
    static constexpr std::string_view has_ended = "has ended";

    /// Hears of what the process says by itself.
    class Listener {
    public:
        /// A request of its, or a notice, and how many bytes that had.
        virtual void said(PythonLife& life, callbacks::JsonDict message, std::size_t bytes) = 0;
        /// A line that it printed.
        virtual void printed(PythonLife& life, std::string_view line) = 0;
        /// It has answered a ping.
        virtual void answered_ping() noexcept = 0;
        /// It is over, for this reason; everything that was asked of it has failed. Once, and not after `end`.
        virtual void lost(PythonLife& life, std::string reason) = 0;
        /// Whether a run in shadow mode asks now: nothing may come of that.
        [[nodiscard]] virtual bool is_asked_in_shadow() const noexcept = 0;

    protected:
        ~Listener() = default;
    };

    /// `number`: no other life of this worker has it.
    PythonLife(const async::environment& where, std::unique_ptr<PythonProgram> program, std::uint64_t number,
               Listener& listener);
    ~PythonLife();

    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    [[nodiscard]] const PythonProgram& program() const noexcept { return *program_; }
    [[nodiscard]] bool is_over() const noexcept { return is_over_; }
    /// When something came of it for the last time.
    [[nodiscard]] async::clock::time_point last_heard() const noexcept { return last_heard_; }
    [[nodiscard]] const async::environment& where() const noexcept { return where_; }

    /// Asks whether it still does anything.
    void ping();
    /// Sends a notice, or an answer. Nothing once it is over. Errors: std::length_error.
    void send(const callbacks::JsonDict& message);
    /// Likewise one that is written already.
    void send_text(std::string message);
    /// Bytes that it hasn't read yet.
    [[nodiscard]] std::size_t unsent() const noexcept { return connection_.unsent(); }
    /// Waits until it has read all but `most` bytes, or is over.
    [[nodiscard]] static async::task<void> until_read(std::shared_ptr<PythonLife> self, std::size_t most);
    [[nodiscard]] PythonRequest* request_of(std::int64_t id) const noexcept;
    /// What it is asked now, the first question first.
    [[nodiscard]] std::vector<std::string_view> asked_now() const;
    /// Likewise, for what is to run within it: null also for one that ends as soon as it is answered.
    [[nodiscard]] PythonRequest* request_with_operations(std::int64_t id) const noexcept;
    /// Whether the call of this id was one in shadow mode, which may have been answered since.
    [[nodiscard]] static bool was_in_shadow(std::int64_t id) noexcept { return (id & shadow_bit) != 0; }
    /// An object of the process's isn't needed any more.
    void release(std::int64_t handle);
    /// Begins to hear, when the executor runs. Once.
    void listen();
    /// Handles what has arrived already: whose thread was elsewhere for long must not blame the process for that.
    void catch_up() { read(); }
    /// Ends it for this reason, and says so to the listener.
    void lose(std::string reason);
    /// Ends it; nobody hears of it any more. What is asked of it fails. Gives the program, to be killed by who has the time.
    [[nodiscard]] std::unique_ptr<PythonProgram> end(const std::string& reason) noexcept;

private:
    friend class PythonRequest;
    static constexpr std::int64_t shadow_bit = std::int64_t{1} << 52;
    /// While more waits to be read nothing is asked of it, and nothing of what it says is read: whatever that is, the answer
    /// would come on top. It may go on as soon as it reads.
    static constexpr std::size_t most_unsent = 2 * PythonConnection::frame_limit;

    [[nodiscard]] std::int64_t add(PythonRequest& request, callbacks::JsonDict& message);
    void forget(std::int64_t id) noexcept { requests_.erase(id); }
    void wait_for_messages();
    void wait_for_room();
    void wait_for_output();
    void wait_for_end();
    /// Reads and handles what has arrived.
    void read();
    void handle(callbacks::JsonDict message, std::size_t bytes);
    /// As far as it went now.
    void note_sending(bool is_open);
    void read_output();
    void fail_all(const std::string& reason) noexcept;

    const async::environment& where_;
    std::unique_ptr<PythonProgram> program_;
    std::uint64_t number_;
    Listener* listener_;
    PythonConnection connection_;
    boost::asio::posix::stream_descriptor readable_;  // a copy of the connection's descriptor, as the next
    boost::asio::posix::stream_descriptor output_;
    boost::asio::posix::stream_descriptor ended_;  // of the process itself: what it started may keep the connection open
    std::int64_t last_id_ = 0;
    std::unordered_map<std::int64_t, PythonRequest*> requests_;
    std::string line_;  // the beginning of what it prints now
    async::clock::time_point last_heard_;
    bool waits_for_room_ = false;
    bool waits_for_messages_ = false;
    async::notification was_read_;
    bool output_has_ended_ = false;
    bool listens_ = false;
    bool is_over_ = false;
    std::string end_of_it_;
};

/// Asks and gives the whole answer. Errors: PythonGone; a cancellation. Lifetime: the task keeps the life.
[[nodiscard]] async::task<callbacks::JsonDict> ask_python(std::shared_ptr<PythonLife> life, callbacks::JsonDict message,
                                                          std::string_view asked);

}  // namespace modapi
