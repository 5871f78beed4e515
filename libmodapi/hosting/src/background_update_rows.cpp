#include <modapi/hosting/background_update_rows.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace modapi {

namespace {

std::vector<PendingUpdate> read_pending_updates(Transaction& transaction) {
    std::vector<PendingUpdate> rows;
    auto found = transaction.query<std::string, std::optional<std::string>, std::string>(
        "SELECT update_name, depends_on, progress_json FROM background_updates ORDER BY ordering, update_name");
    for (auto& [name, depends_on, progress] : found) {
        PendingUpdate row;
        row.name = std::move(name);
        row.depends_on = std::move(depends_on);
        row.progress = boost::json::parse(progress).as_object();
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace

async::task<std::vector<PendingUpdate>> BackgroundUpdateRows::pending() {
    return database_.read("read_background_updates", &read_pending_updates);
}

void BackgroundUpdateRows::create(Transaction& transaction) {
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS background_updates (update_name TEXT PRIMARY KEY, progress_json TEXT NOT NULL, depends_on "
        "TEXT, ordering BIGINT NOT NULL)");
}

bool BackgroundUpdateRows::queue(Transaction& transaction, const std::string& name,
                                 const std::optional<std::string>& depends_on, std::int64_t ordering) {
    return transaction.execute(
               "INSERT INTO background_updates (update_name, progress_json, depends_on, ordering) VALUES (?, '{}', ?, ?) "
               "ON CONFLICT DO NOTHING",
               name, depends_on, ordering) != 0;
}

void BackgroundUpdateRows::write_progress(Transaction& transaction, const std::string& name,
                                          const callbacks::JsonDict& progress) {
    transaction.execute("UPDATE background_updates SET progress_json = ? WHERE update_name = ?",
                        boost::json::serialize(progress), name);
}

void BackgroundUpdateRows::finish(Transaction& transaction, const std::string& name) {
    transaction.execute("DELETE FROM background_updates WHERE update_name = ?", name);
}

}  // namespace modapi
