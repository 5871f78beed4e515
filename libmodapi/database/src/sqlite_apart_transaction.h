#pragma once

#include "interaction.h"
#include "sqlite_connection.h"
#include "sqlite_transaction.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <semaphore>
#include <string_view>
#include <utility>

namespace modapi {

/// While it lives, the writer's thread stands still: another connection writes in its place. Given in the order in which it is
/// asked for, among all that write.
class WriterTurn {
public:
    /// Waits for it. Errors: InteractionTimeout for `sql`.
    WriterTurn(const boost::asio::any_io_executor& writer, const InteractionDeadline& deadline, std::string_view sql) {
        boost::asio::post(writer, [state = state_] {
            state->begun.release();
            state->ended.acquire();
        });
        if (state_->begun.try_acquire_until(deadline.at().value_or(never()))) return;
        state_->ended.release();
        deadline.refuse(sql);
    }
    ~WriterTurn() { state_->ended.release(); }
    WriterTurn(const WriterTurn&) = delete;
    WriterTurn& operator=(const WriterTurn&) = delete;

private:
    struct State {
        std::binary_semaphore begun{0};
        std::binary_semaphore ended{0};
    };
    [[nodiscard]] static std::chrono::steady_clock::time_point never() {
        return std::chrono::steady_clock::now() + std::chrono::hours(24);
    }
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// The base of those that read until they write: its end comes after that of the transaction.
struct MayHaveTurn {
    std::optional<WriterTurn> turn;
};

/// Reads beside the writer, and takes its turn when it writes.
class ApartTransaction final : private MayHaveTurn, public SqliteTransaction {
public:
    ApartTransaction(SqliteConnection& connection, const InteractionDeadline& deadline, boost::asio::any_io_executor writer)
        : SqliteTransaction(connection, Kind::reads_first, deadline), writer_(std::move(writer)) {}

    void keep_others_from_writing() override { take_turn("BEGIN"); }
    [[nodiscard]] bool keeps_others_from_writing() const noexcept override { return turn.has_value(); }

private:
    void begin_apart(std::string_view sql) override {
        if (!turn && connection().writes(sql)) take_turn(sql);
    }
    void take_turn(std::string_view sql) {
        if (!turn) turn.emplace(writer_, deadline(), sql);
    }

    boost::asio::any_io_executor writer_;
};

/// Of a database in memory: on its one connection, for which all wait.
class OnlyTransaction final : public SqliteTransaction {
public:
    using SqliteTransaction::SqliteTransaction;
    [[nodiscard]] bool keeps_others_from_writing() const noexcept override { return true; }
};

}  // namespace modapi
