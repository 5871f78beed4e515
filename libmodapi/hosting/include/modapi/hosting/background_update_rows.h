#pragma once

#include <modapi/database.h>
#include <modapi/hosting/background_updater.h>

#include <callbacks/json.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// The table `background_updates` of a host's database, as the contract's server has it: what a BackgroundUpdater works
/// through.
///
/// Lifetime: the database outlives it.
class BackgroundUpdateRows final : public BackgroundUpdateTable {
public:
    explicit BackgroundUpdateRows(Database& database) : database_(database) {}

    [[nodiscard]] async::task<std::vector<PendingUpdate>> pending() override;

    /// Makes the table where it isn't there.
    static void create(Transaction& transaction);
    /// Adds an update that begins from nothing; false: it is queued already. Those with a smaller `ordering` come first, and
    /// none while a row of the name `depends_on` is left. The updater looks for it when it is started again.
    static bool queue(Transaction& transaction, const std::string& name,
                      const std::optional<std::string>& depends_on = std::nullopt, std::int64_t ordering = 0);
    /// In the transaction of the work: what the next batch goes on from.
    static void write_progress(Transaction& transaction, const std::string& name, const callbacks::JsonDict& progress);
    /// In the transaction of the last batch.
    static void finish(Transaction& transaction, const std::string& name);

private:
    Database& database_;
};

}  // namespace modapi
