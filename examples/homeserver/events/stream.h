#pragma once

#include <modapi/database.h>

#include <cstdint>

namespace homeserver {

/// DatabaseSettings::turn_table of this server: the turn of those who take a position.
inline constexpr const char* stream_turn_table = "stream_turn";

/// The next position of the one stream that events, account data, receipts and presence share, from a counter that is a row of
/// the database. For use inside Database::run_in_turn, once for each thing that is new.
///
/// Positions become visible in their own order: whoever sees position n in a snapshot sees everything below it that will ever
/// be, so that a sync up to n and the next one from n miss nothing, in whichever process, worker or database thread.
///
/// - The order doesn't rest on the turn. The counter's row is locked from the update to the end of the transaction, so that the
///   next position can't be drawn before the one before it is committed or gone. The counter that a snapshot shows
///   (current_stream_position) was committed together with what has that position, and everything below was committed before.
///   There never are two unfinished positions of different transactions: the oldest unfinished one is also the first that
///   isn't visible, and a reader that stops at the counter it sees stops below it.
/// - The turn keeps transactions from colliding there. Under SERIALIZABLE (as under REPEATABLE READ) one that has its snapshot
///   and then waits for the row can only fail, since the row is newer than the snapshot when the wait is over. In turn the wait
///   comes first: within the process in a queue, between processes for the lock of the table stream_turn, by a statement that
///   takes no snapshot. The lock ends after the commit is visible, so whoever gets it begins with a snapshot that has the
///   newest counter, and the room's newest depth, ends and state with it.
/// - One turn for all rooms costs nothing that the row's lock didn't cost: from the update on they came one after the other
///   before. It takes the reads in front of the update into the queue, for which none of them is done twice.
/// - A transaction that ends without a commit, by an exception, a lost connection or a crash of either side, takes its position
///   back with the counter, and the lock with the connection: no gap stays, and nothing has to be tidied up. If the answer to
///   the COMMIT is lost, the position is either committed with its content or neither is.
/// - A transaction outside of a turn that draws a position is right too; it may have to be tried again.
/// - On SQLite one transaction writes at a time, and its queue is the writer's.
[[nodiscard]] std::int64_t next_stream_position(modapi::Transaction& transaction);

/// The same position without a wait of its own: the counter comes with the transaction's next statement, and is moved on with
/// the one behind `draw`. Where somebody outside of a turn moves it in between the transaction fails and is tried again, as
/// above.
///
/// Nothing else of the transaction draws one from when this is made until it is drawn.
class LaterStreamPosition {
public:
    explicit LaterStreamPosition(modapi::Transaction& transaction);
    /// Once.
    [[nodiscard]] std::int64_t draw();

private:
    modapi::Transaction& transaction_;
    modapi::LaterRows<std::int64_t> counter_;
};

/// The last position that this transaction can see; 1 at the beginning.
[[nodiscard]] std::int64_t current_stream_position(modapi::Transaction& transaction);
/// Likewise, in the one row that comes with the transaction's next statement.
[[nodiscard]] modapi::LaterRows<std::int64_t> current_stream_position_later(modapi::Transaction& transaction);

}  // namespace homeserver
