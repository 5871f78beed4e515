#pragma once

#include "accounts/turns.h"

#include <modapi/database.h>

#include <async/clock.h>
#include <async/scope.h>
#include <async/task.h>

#include <memory>
#include <string>

namespace homeserver {

/// Turns that one task at a time has in all processes over the database: registrations of one name, the deletion of a room.
///
/// In the process they are `Turns`; beyond it a row of the database, of which the first of each process's queue waits for. The
/// row is renewed for as long as the turn is kept. A process that is gone, or stands still, has it for at most eight seconds
/// more; when it goes on, another may have it. So a turn spares work and questions that would be for nothing; what must not
/// happen twice is looked at again by the transaction that makes it happen.
///
/// One a worker, on its thread. Cost: one interaction to take a turn and one to give it back; none on SQLite, but for
/// `Reach::writers`.
class SharedTurns {
public:
    /// Who looks at the rows.
    enum class Reach : unsigned char {
        processes,  ///< who asks for a turn: nobody needs rows where there is one process
        writers,    ///< who stores events too, in the stream's turn (has_turn_of_another), on every engine
    };

    /// `background`: turns are given back there. All outlive it.
    SharedTurns(modapi::Database& database, const async::clock& clock, Turns& turns, async::scope& background) noexcept
        : database_(database), clock_(clock), turns_(turns), background_(background) {}

    class Held;
    /// Lasts as long as it is kept; null: none. Ends on the worker's thread.
    using Turn = std::shared_ptr<Held>;

    /// Waits until nobody has a turn at `what`. Cancel: throws, and has none.
    [[nodiscard]] async::task<Turn> take(std::string what, Reach reach = Reach::processes);
    /// A turn at `what`; none if somebody has it.
    [[nodiscard]] async::task<Turn> begin(std::string what);
    /// Gives it to the next one before it returns; also for a cancelled chain.
    [[nodiscard]] async::task<void> end(Turn turn);

private:
    struct Row;
    [[nodiscard]] bool has_rows(Reach reach) const noexcept;
    [[nodiscard]] async::task<bool> take_row(const Row& row);
    [[nodiscard]] async::task<void> end_row(const Row& row);
    [[nodiscard]] Turn keep(std::shared_ptr<Row> row);
    /// Renews it until nobody keeps it any more.
    [[nodiscard]] async::task<void> renew(std::shared_ptr<Row> row);
    [[nodiscard]] static async::task<void> over(std::shared_ptr<Row> row);

    modapi::Database& database_;
    const async::clock& clock_;
    Turns& turns_;
    async::scope& background_;
};

class SharedTurns::Held {
public:
    Held(Turns::Turn in_process, std::shared_ptr<Row> row) noexcept;
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    /// Whose the row is; empty without one.
    [[nodiscard]] const std::string& holder() const noexcept;

private:
    friend class SharedTurns;
    Turns::Turn in_process_;  ///< without a row
    std::shared_ptr<Row> row_;
};

}  // namespace homeserver
