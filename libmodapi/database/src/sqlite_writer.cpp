#include "sqlite_writer.h"

#include <boost/asio/post.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace modapi {

namespace {

constexpr std::size_t most_in_a_group = 64;
constexpr std::size_t most_remembered = 1'000;

}  // namespace

void SqliteWriter::submit(SqliteWrite& write) {
    bool is_idle = false;
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(&write);
        is_idle = !std::exchange(is_at_work_, true);
    }
    if (is_idle) boost::asio::post(connections_.executor(), [this] { work(); });
}

void SqliteWriter::work() noexcept {
    {
        const ConnectionPool<SqliteConnection>::Lease lease(connections_);
        run_group(lease.connection());
    }
    {
        const std::scoped_lock lock(mutex_);
        is_at_work_ = !waiting_.empty();
        if (!is_at_work_) return;
    }
    // Those that only read a database in memory use the same thread: they have their turn between two groups.
    boost::asio::post(connections_.executor(), [this] { work(); });
}

SqliteWrite* SqliteWriter::next_for(const Group& group) {
    const bool others_wait = !group.members.empty();
    if (!group.again.empty()) return nullptr;  // they came first
    if (group.taken > 0 && (group.taken >= most_in_a_group || clock_.now() - group.began >= longest_)) return nullptr;
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) return nullptr;
    SqliteWrite* const next = waiting_.front();
    if (others_wait && take_long_.contains(next->desc())) return nullptr;
    waiting_.pop_front();
    return next;
}

void SqliteWriter::note_length(std::string_view desc, async::clock::duration length) {
    const auto known = take_long_.find(desc);
    if (length < longest_) {
        if (known != take_long_.end()) take_long_.erase(known);
        return;
    }
    if (known != take_long_.end()) return;
    if (take_long_.size() >= most_remembered) take_long_.clear();
    take_long_.emplace(desc);
}

void SqliteWriter::run_group(SqliteConnection& connection) {
    Group group{{}, {}, 0, clock_.now()};
    while (SqliteWrite* const write = next_for(group)) {
        ++group.taken;
        if (!write->begin()) {
            write->finish(nullptr);
            continue;
        }
        run_member(connection, group, *write);
        // What they shared was lost, or nothing could be begun: there is nothing that a further one could join.
        const bool is_open = connection.in_transaction();
        if (!is_open && !(group.members.empty() && group.again.empty())) break;
    }
    if (!group.members.empty()) commit(connection, group);
    for (const Member& member : group.again) run_alone(connection, *member.write, *member.deadline);
}

void SqliteWriter::run_member(SqliteConnection& connection, Group& group, SqliteWrite& write) {
    const async::clock::time_point began = clock_.now();
    std::exception_ptr failure;
    Member member{&write, std::make_unique<InteractionDeadline>(write.limit()), nullptr, nullptr};
    try {
        if (group.members.empty()) SqliteTransaction::begin_shared(connection);
        member.transaction =
            std::make_unique<SqliteTransaction>(connection, SqliteTransaction::Kind::shares, *member.deadline);
        write.run(*member.transaction);
        member.transaction->leave(file());
        note_length(write.desc(), clock_.now() - began);
        group.members.push_back(std::move(member));
        return;
    } catch (const TransientDatabaseError&) {
        member.transaction.reset();
        if (group.members.empty()) SqliteTransaction::roll_back_shared(connection);
        group.again.push_back(std::move(member));
        return;
    } catch (const InteractionTimeout& error) {
        log_cut(write.desc(), error);
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
    }
    member.transaction.reset();
    note_length(write.desc(), clock_.now() - began);
    if (!group.members.empty() && connection.in_transaction()) {
        member.failure = failure;
        group.members.push_back(std::move(member));
        return;
    }
    SqliteTransaction::roll_back_shared(connection);
    write.finish(failure);
}

void SqliteWriter::commit(SqliteConnection& connection, Group& group) {
    std::exception_ptr failure;
    try {
        if (!connection.in_transaction()) throw TransientDatabaseError("what several interactions shared was rolled back");
        if (const SqliteFileIdentity* const one = file()) one->require_unchanged();
        SqliteTransaction::commit_shared(connection);
    } catch (const TransientDatabaseError&) {
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
        if (group.members.size() == 1) {
            SqliteTransaction::roll_back_shared(connection);
            group.members.front().write->finish(failure);
            return;
        }
    }
    if (failure) {
        SqliteTransaction::roll_back_shared(connection);
        for (const Member& member : group.members)
            run_alone(connection, *member.write, InteractionDeadline(member.write->limit()));
        return;
    }
    for (const Member& member : group.members) {
        if (!member.failure) member.write->was_committed(*member.transaction);
    }
    for (const Member& member : group.members) member.write->finish(member.failure);
}

void SqliteWriter::run_alone(SqliteConnection& connection, SqliteWrite& write, const InteractionDeadline& deadline) noexcept {
    std::exception_ptr failure;
    try {
        const auto attempt = [&] {
            SqliteTransaction transaction(connection, SqliteTransaction::Kind::writes, deadline);
            write.run(transaction);
            transaction.commit(file());
            write.was_committed(transaction);
        };
        with_retries(write.desc(), attempt, [] {});
    } catch (...) {
        failure = std::current_exception();
    }
    write.finish(failure);
}

}  // namespace modapi
