#pragma once

#include <modapi/database.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace homeserver {

/// A room that a user has to do with, and how.
struct Relation {
    std::string room_id;
    std::string membership;
    std::int64_t position = 0;  ///< of the membership
};

/// Every room of the user that isn't forgotten, by room id.
[[nodiscard]] std::vector<Relation> all_relations(modapi::Transaction& transaction, const std::string& user_id);

/// Those in which something may have happened for the user behind `since`: a change of the membership, which is asked for with
/// the transaction's next statement, an event in a joined room, and other news.
///
/// Cost: by what happened, or by the number of joined rooms where that is less.
class ChangedRelations {
public:
    /// Both outlive it.
    ChangedRelations(modapi::Transaction& transaction, const std::string& user_id, std::int64_t since);
    /// By room id, up to `now`; `with_news` are rooms with account data or receipts. Once.
    [[nodiscard]] std::vector<Relation> take(std::int64_t now, const std::set<std::string>& with_news);

private:
    modapi::Transaction& transaction_;
    const std::string& user_id_;
    std::int64_t since_;
    modapi::LaterRows<std::string, std::string, std::int64_t> memberships_;
};

}  // namespace homeserver
