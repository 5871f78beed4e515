#pragma once

#include "python_connection.h"

#include <callbacks/json.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace modapi {

class Transaction;

/// A transaction that wasn't committed, for a reason that lies with the process.
class PythonTransactionEnded : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a process has done in one transaction, and how that ended: talks to it on the database's thread, in the place of the
/// worker, until it wants to commit or doesn't.
///
///     auto transaction = std::make_shared<PythonTransaction>(...);
///     co_await api.run_db_interaction(description, &PythonTransaction::lead, transaction);
///
/// Thread: one at a time. Lifetime: the connection outlives it.
class PythonTransaction {
public:
    using time_point = PythonConnection::time_point;
    enum class End { none, commit, rollback, gone, too_slow };

    using Look = std::function<std::string(const callbacks::JsonDict&)>;
    struct Limits {
        /// How long the next statement may take to come.
        std::chrono::milliseconds patience{10'000};
        /// Likewise while others can't write until it ends, and for all these times together.
        std::chrono::milliseconds patience_of_others{2'000};
        std::chrono::milliseconds whole_patience_of_others{5'000};
        /// For all together; none: for ever.
        std::optional<std::chrono::milliseconds> whole{};
    };

    /// `module` is its name. `look` answers what isn't about the database, as JSON; it is called on the database's thread.
    PythonTransaction(PythonConnection& connection, std::string module, Limits limits, Look look);

    /// It lost against another the last time: it must not collide again.
    void keep_others_from_writing() noexcept { keeps_others_from_writing_ = true; }
    /// Nothing may come of it.
    void only_look() noexcept { only_looks_ = true; }

    /// Errors: PythonTransactionEnded for all that isn't to be committed; WriteRefused.
    static void lead(Transaction& transaction, const std::shared_ptr<PythonTransaction>& self) { self->talk(transaction); }

    /// It has begun: the process knows.
    [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }
    [[nodiscard]] End end() const noexcept { return end_; }
    /// Its commit failed for a reason that may be gone the next time: the database wanted to run it again.
    [[nodiscard]] bool is_to_be_run_again() const noexcept { return is_to_be_run_again_; }
    /// It lost against another transaction.
    [[nodiscard]] bool has_collided() const noexcept { return is_to_be_run_again_ || collision_ != nullptr; }
    /// Others would have had to wait for longer than they may.
    [[nodiscard]] bool kept_others_waiting() const noexcept { return kept_others_waiting_; }

private:
    void talk(Transaction& transaction);
    [[nodiscard]] std::string answer_to(Transaction& transaction, const callbacks::JsonDict& question);
    [[nodiscard]] std::string executed(Transaction& transaction, const callbacks::JsonDict& question) const;
    [[nodiscard]] std::string executed_many(Transaction& transaction, const callbacks::JsonDict& question) const;
    [[nodiscard]] std::string statement_of(const callbacks::JsonDict& question) const;
    /// Within the limits, of which it notes what is used up.
    [[nodiscard]] callbacks::JsonDict next(const Transaction& transaction, time_point begin);
    [[nodiscard]] callbacks::JsonDict next(time_point last);
    void send(std::string answer);
    [[noreturn]] void leave(End how, const char* why);

    PythonConnection& connection_;
    std::string module_;
    Limits limits_;
    Look look_;
    std::chrono::steady_clock::duration others_waited_{};
    bool keeps_others_from_writing_ = false;
    bool only_looks_ = false;
    bool kept_others_waiting_ = false;
    std::exception_ptr refused_;    // it wanted to write where it only reads
    std::exception_ptr collision_;  // it lost in one of its statements
    bool has_begun_ = false;
    bool is_to_be_run_again_ = false;
    End end_ = End::none;
};

/// The answer to a question that failed. What a database says of a collision with another transaction has `retry`.
[[nodiscard]] callbacks::JsonDict failed_question(const std::exception_ptr& failure);
/// Of the database's kind, which no statement has led to.
[[nodiscard]] callbacks::JsonDict failed_question(std::string_view class_name, std::string_view text, bool retry = false);

}  // namespace modapi
