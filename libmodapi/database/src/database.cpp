#include <modapi/database.h>

#include "at_work.h"
#include "postgresql_database.h"
#include "sql_placeholders.h"
#include "sqlite_database.h"

#include <async/run_on.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

namespace modapi {

void Transaction::check_width(std::size_t found, std::size_t wanted, std::string_view sql) {
    if (found == wanted) return;
    throw DatabaseError("the result has " + std::to_string(found) + " columns, " + std::to_string(wanted) +
                        " were asked for: " + statement_on_one_line(sql));
}

namespace {

std::size_t bytes_of(const std::vector<SqlValue>& row) noexcept {
    std::size_t bytes = sizeof row + row.capacity() * sizeof(SqlValue);
    for (const SqlValue& value : row) {
        if (const auto* const text = std::get_if<std::string>(&value)) bytes += text->size();
        if (const auto* const content = std::get_if<SqlBytes>(&value)) bytes += content->content().size();
    }
    return bytes;
}

/// Holds all rows, as long as they aren't too many.
class RowsHeld final : public RowVisitor {
public:
    RowsHeld(std::string_view sql, std::size_t most_bytes) noexcept : RowVisitor(most_bytes), sql_(sql) {}
    void row(const std::vector<std::string>&, std::vector<SqlValue> values) override {
        bytes_ += bytes_of(values);
        if (bytes_ > most_row_bytes())
            throw ResultTooLarge("the result has more than " + std::to_string(most_row_bytes()) +
                                 " bytes: select fewer rows (LIMIT), or read them in parts: " + statement_on_one_line(sql_));
        rows.push_back(std::move(values));
    }
    std::vector<std::vector<SqlValue>> rows;

private:
    std::string_view sql_;
    std::size_t bytes_ = 0;
};

}  // namespace

SqlResult Transaction::query_any_with(std::string_view sql, std::vector<SqlValue> values, std::size_t most_bytes) {
    RowsHeld held(sql, most_bytes);
    SqlResult result = visit_with(sql, std::move(values), held);
    result.rows = std::move(held.rows);
    return result;
}

void Transaction::invalidate_cache_by_text(const async::cached_function& function, std::vector<std::string> key) {
    if (key.size() != function.key_parts()) {
        throw std::logic_error("a key of the cached function " + std::string(function.name()) + " has " +
                               std::to_string(function.key_parts()) + " parts, not " + std::to_string(key.size()));
    }
    add_invalidation(function, std::move(key));
}

void Transaction::add_invalidation(const async::cached_function& function, std::vector<std::string> key) {
    if (function.shared_name().empty()) {
        throw std::logic_error("the cached function " + std::string(function.name()) +
                               " was not registered with register_cached_function: its entries in other workers can't be invalidated");
    }
    invalidations_.push_back({function.shared_name(), std::move(key)});
}

/// Those who hear of invalidations. A call holds the lock, so that its observer can't go away meanwhile.
class Database::Observers {
public:
    void add(InvalidationObserver& observer) {
        const std::unique_lock lock(mutex_);
        all_.push_back(&observer);
    }
    void remove(InvalidationObserver& observer) noexcept {
        const std::unique_lock lock(mutex_);
        std::erase(all_, &observer);
    }
    template <class Call>
    void each(const Call& call) const {
        const std::shared_lock lock(mutex_);
        for (InvalidationObserver* const observer : all_) call(*observer);
    }

private:
    mutable std::shared_mutex mutex_;
    std::vector<InvalidationObserver*> all_;
};

Database::Database(InteractionLimit read_limit)
    : read_limit_(read_limit), at_work_(std::make_unique<AtWork>()), observers_(std::make_unique<Observers>()) {}
Database::~Database() = default;

std::vector<Database::Running> Database::running() const { return at_work_->entries(); }

void Database::add_observer(InvalidationObserver& observer) { observers_->add(observer); }
void Database::remove_observer(InvalidationObserver& observer) noexcept { observers_->remove(observer); }

void Database::share_invalidations(Transaction& transaction) {
    observers_->each([&](InvalidationObserver& observer) { observer.before_commit(transaction, transaction.invalidations()); });
}

void Database::tell_of_invalidations(const CacheInvalidations& invalidations) noexcept {
    observers_->each([&](InvalidationObserver& observer) { observer.committed(invalidations); });
}

void Database::perform(const Interaction& interaction) {
    const AtWork::Entry entry(*at_work_, interaction.desc);
    interact(interaction);
}

async::task<void> Database::perform_elsewhere(const Interaction& interaction) {
    return async::run_on(executor(interaction.access), &Database::perform, this, std::cref(interaction));
}

std::unique_ptr<Database> Database::open(const DatabaseSettings& settings) {
    if (settings.name == "sqlite3") return open_sqlite(settings);
    if (settings.is_postgresql()) return open_postgresql(settings);
    throw DatabaseError("the database engine " + settings.name + " isn't known; there are sqlite3 and psycopg2");
}

}  // namespace modapi
