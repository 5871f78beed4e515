#pragma once

#include <modapi/database.h>
#include <modapi/hosting/invalidation_bus.h>
#include <modapi/hosting/shared_messages.h>

#include <async/task.h>

#include <string>

namespace modapi {

/// Invalidations of cached functions between processes: those of transactions are rows that are written in them, those of modules rows
/// of their own. What other processes invalidated is told to the workers of this one by their bus; after a gap they drop all they have.
///
/// Thread: any, but for the constructor, before the messages begin. Lifetime: all outlive it; it outlives the workers, and the messages
/// have ended before it does.
class SharedInvalidations final : public InvalidationObserver {
public:
    SharedInvalidations(Database& database, SharedMessages& messages, InvalidationBus& workers);
    ~SharedInvalidations() override;

    /// Tells the other processes; returns when the row is committed. Errors: as of SharedMessages::send.
    [[nodiscard]] async::task<void> send(CacheInvalidation invalidation);

    void before_commit(Transaction& transaction, const CacheInvalidations& invalidations) override;
    void committed(const CacheInvalidations& invalidations) noexcept override;

private:
    void tell_workers(const std::string& text);
    void drop_everything();

    Database& database_;
    SharedMessages& messages_;
    InvalidationBus& workers_;
};

}  // namespace modapi
