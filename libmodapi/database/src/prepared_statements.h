#pragma once

#include "sql_placeholders.h"

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// One statement as a PostgreSQL connection knows it.
struct KnownStatement {
    NumberedPlaceholders numbered;
    std::string name;             ///< what the server calls it; empty: it isn't prepared
    std::vector<Oid> types;       ///< of the values that it was prepared for; 0: that of its place; empty: all are those
    bool may_be_prepared = true;  ///< it is of a kind that gains by that
    bool bounds_transaction = false;
    bool came_before = false;
};

/// The statements of one PostgreSQL connection: one that comes again is prepared, so that the server parses and plans it once
/// and not each time. One that comes once, as those do that are written with their values in them, would only pay for it.
///
/// Names are never used twice, not by other connections either: behind a proxy that lends one connection of the server to many
/// they meet there. Thread: that of the connection. Memory: at most `max_statements`, then it begins anew.
class PreparedStatements {
public:
    static constexpr std::size_t max_statements = 500;

    PreparedStatements();

    /// The statement with this text. Valid until the next call, or `forget`.
    [[nodiscard]] KnownStatement& find(std::string_view sql);
    /// For a statement that runs now: whether the server should prepare it before.
    [[nodiscard]] bool should_prepare(KnownStatement& statement) const noexcept;
    [[nodiscard]] std::string next_name();

    /// What was prepared isn't used any more: it doesn't fit its tables, or the connection is a new one.
    void forget();
    /// From now on none is prepared: the server doesn't keep them.
    void stop();
    /// Whether the server holds statements that were forgotten. They are named once.
    [[nodiscard]] bool take_forgotten() noexcept;

private:
    std::map<std::string, KnownStatement, std::less<>> statements_;
    std::string prefix_;
    std::uint64_t names_ = 0;
    bool is_used_ = true;
    bool has_forgotten_ = false;
};

}  // namespace modapi
