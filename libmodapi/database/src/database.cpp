#include <modapi/database.h>

#include "at_work.h"
#include "postgresql_database.h"
#include "sqlite_database.h"

#include <async/run_on.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <shared_mutex>

namespace modapi {

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
