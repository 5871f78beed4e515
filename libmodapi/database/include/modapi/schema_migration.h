#pragma once

#include <modapi/database.h>

#include <async/task.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// The steps that make a module's own tables, in order.
///
///     modapi::SchemaMigration tables;
///     tables.step("visits", "CREATE TABLE my_module_visits (user_id TEXT PRIMARY KEY, seen BIGINT NOT NULL)");
///     tables.step("visits by time", "CREATE INDEX my_module_visits_by_time ON my_module_visits (seen)");
///     co_await api_.migrate_schema(std::move(tables));
///
/// A database remembers a step by its name: one that was applied there is never applied again, whatever became of its
/// statement. So a step that was released stays as it is, and new ones go to the end. Tables are shared with the host and other
/// modules: begin their names with the module's.
class SchemaMigration {
public:
    /// One step: its name, once in this migration, and its statement.
    struct Step {
        std::string name;
        std::function<void(Transaction&)> apply;
    };

    /// A step of one statement. Errors: std::invalid_argument for an empty name and for one that is there already.
    SchemaMigration& step(std::string name, std::string statement);
    /// A step of several statements, or one that moves data. `apply` runs on a database thread, and again after a serialization
    /// failure: it must not have other effects.
    SchemaMigration& step(std::string name, std::function<void(Transaction&)> apply);

    [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }

private:
    std::vector<Step> steps_;
};

/// Applies the steps that `database` hasn't got of `module`, each in a transaction of its own, noted with `now_ms` in the table
/// module_schema_steps. Workers that do it at the same time apply each step once in all, and all return with it applied.
///
/// Errors: DatabaseError that names the step; the steps before it stay applied, and the next call goes on from there.
/// Cancellation: a step that runs is let finish.
[[nodiscard]] async::task<void> migrate_schema(Database& database, std::string module, SchemaMigration migration,
                                               std::int64_t now_ms);

}  // namespace modapi
