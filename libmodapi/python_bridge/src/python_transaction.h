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

    /// `patience`: with the next statement. `whole`: for all together; none: for ever. `look` answers what isn't about the
    /// database; it is called on the database's thread.
    PythonTransaction(PythonConnection& connection, std::chrono::milliseconds patience,
                      std::optional<std::chrono::milliseconds> whole,
                      std::function<callbacks::JsonDict(const callbacks::JsonDict&)> look);

    /// Errors: PythonTransactionEnded for all that isn't to be committed; WriteRefused.
    static void lead(Transaction& transaction, const std::shared_ptr<PythonTransaction>& self) { self->talk(transaction); }

    /// It has begun: the process knows.
    [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }
    [[nodiscard]] End end() const noexcept { return end_; }
    /// Its commit failed for a reason that may be gone the next time: the database wanted to run it again.
    [[nodiscard]] bool is_to_be_run_again() const noexcept { return is_to_be_run_again_; }

private:
    void talk(Transaction& transaction);
    [[nodiscard]] callbacks::JsonDict next(time_point last);
    void send(const callbacks::JsonDict& answer);
    [[noreturn]] void leave(End how, const char* why);

    PythonConnection& connection_;
    std::chrono::milliseconds patience_;
    std::optional<std::chrono::milliseconds> whole_;
    std::function<callbacks::JsonDict(const callbacks::JsonDict&)> look_;
    std::exception_ptr refused_;  // it wanted to write where it only reads
    bool has_begun_ = false;
    bool is_to_be_run_again_ = false;
    End end_ = End::none;
};

/// The answer to a question that failed. What a database says of a collision with another transaction has `retry`.
[[nodiscard]] callbacks::JsonDict failed_question(const std::exception_ptr& failure);
/// Of the database's kind, which no statement has led to.
[[nodiscard]] callbacks::JsonDict failed_question(std::string_view class_name, std::string_view text, bool retry = false);

}  // namespace modapi
