#include "push/users_among.h"

#include <cstddef>
#include <utility>

namespace homeserver {

std::vector<std::string> users_among(modapi::Transaction& transaction, std::string_view query,
                                     const std::set<std::string>& users) {
    std::vector<std::string> found;
    if (users.empty()) return found;
    // Always as many, so that a connection has one text to prepare for few and one for many.
    const std::size_t at_once = users.size() <= 4 ? 4 : 64;
    std::string sql = std::string(query) + " (?";
    for (std::size_t index = 1; index < at_once; ++index) sql += ", ?";
    sql += ")";
    for (auto next = users.begin(); next != users.end();) {
        std::vector<modapi::SqlValue> values;
        while (next != users.end() && values.size() < at_once) values.emplace_back(*next++);
        values.resize(at_once);  // NULL is nobody
        for (auto& [user_id] : transaction.query_with<std::string>(sql, std::move(values))) found.push_back(std::move(user_id));
    }
    return found;
}

}  // namespace homeserver
