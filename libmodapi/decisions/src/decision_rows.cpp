#include <modapi/hosting/decision_store.h>

#include <callbacks/text.h>

#include <tuple>
#include <utility>

namespace modapi {

namespace {

constexpr std::string_view columns =
    "id, time_ms, process, worker, request_id, module, callback, outcome, errcode, answer, user_id, room_id, event_id, address, "
    "duration_ms";
constexpr std::size_t forgotten_at_once = 10'000;

void create_decisions(Transaction& transaction, void*) {
    transaction.execute(
        "CREATE TABLE IF NOT EXISTS module_decisions (id TEXT PRIMARY KEY, time_ms BIGINT NOT NULL, process TEXT NOT NULL, worker TEXT "
        "NOT NULL, request_id TEXT NOT NULL, module TEXT NOT NULL, callback TEXT NOT NULL, outcome TEXT NOT NULL, errcode TEXT NOT "
        "NULL, answer TEXT NOT NULL, user_id TEXT NOT NULL, room_id TEXT NOT NULL, event_id TEXT NOT NULL, address TEXT NOT NULL, "
        "duration_ms DOUBLE PRECISION NOT NULL)");
    transaction.execute("CREATE INDEX IF NOT EXISTS module_decisions_by_time ON module_decisions (time_ms, id)");
    transaction.execute("CREATE INDEX IF NOT EXISTS module_decisions_by_user ON module_decisions (user_id, time_ms)");
}

/// Databases keep UTF-8, and a module's texts are its own affair.
std::string repaired(const std::string& text) { return callbacks::repaired_utf8(text); }

void write_decisions(Transaction& transaction, const std::vector<Decision>& decisions) {
    for (const Decision& one : decisions) {
        transaction.execute_later(
            "INSERT INTO module_decisions (id, time_ms, process, worker, request_id, module, callback, outcome, errcode, answer, "
            "user_id, room_id, event_id, address, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO "
            "UPDATE SET errcode = excluded.errcode, answer = excluded.answer",
            one.id, one.time_ms, one.process, one.worker, one.request_id, repaired(one.module), repaired(one.callback), word_of(one.outcome),
            repaired(one.errcode), repaired(one.text), repaired(one.user_id), repaired(one.room_id), repaired(one.event_id), one.address,
            one.duration_ms);
    }
}

/// A condition for each thing that a filter says.
class Conditions {
public:
    template <class Value>
    void add(std::string_view condition, const Value& value) {
        text_.append(text_.empty() ? " WHERE " : " AND ").append(condition);
        values_.push_back(detail::to_sql(value));
    }
    void add_text(std::string_view column, const std::string& value) {
        if (!value.empty()) add(std::string(column) + " = ?", value);
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] std::vector<SqlValue>& values() noexcept { return values_; }

private:
    std::string text_;
    std::vector<SqlValue> values_;
};

DecisionPage read_decisions(Transaction& transaction, const DecisionFilter& filter, const std::optional<DecisionPlace>& from,
                            std::size_t limit) {
    Conditions conditions;
    if (filter.since_ms) conditions.add("time_ms >= ?", *filter.since_ms);
    if (filter.until_ms) conditions.add("time_ms < ?", *filter.until_ms);
    if (filter.outcome) conditions.add("outcome = ?", word_of(*filter.outcome));
    conditions.add_text("module", filter.module);
    conditions.add_text("callback", filter.callback);
    conditions.add_text("user_id", filter.user_id);
    conditions.add_text("room_id", filter.room_id);
    conditions.add_text("request_id", filter.request_id);
    conditions.add_text("id", filter.id);
    if (from) {
        conditions.add("(time_ms, id) < (?, ?)", from->time_ms);
        conditions.values().push_back(detail::to_sql(from->id));
    }
    conditions.values().push_back(static_cast<std::int64_t>(limit + 1));
    const std::string sql = "SELECT " + std::string(columns) + " FROM module_decisions" + conditions.text() +
                            " ORDER BY time_ms DESC, id DESC LIMIT ?";
    const auto rows =
        transaction.query_with<std::string, std::int64_t, std::string, std::string, std::string, std::string, std::string, std::string,
                               std::string, std::string, std::string, std::string, std::string, std::string, double>(
            sql, std::move(conditions.values()));
    DecisionPage page;
    page.has_more = rows.size() > limit;
    for (const auto& row : rows) {
        if (page.decisions.size() == limit) break;
        Decision& one = page.decisions.emplace_back();
        std::string outcome;
        std::tie(one.id, one.time_ms, one.process, one.worker, one.request_id, one.module, one.callback, outcome, one.errcode, one.text,
                 one.user_id, one.room_id, one.event_id, one.address, one.duration_ms) = row;
        one.outcome = outcome_of(outcome).value_or(DecisionOutcome::failed);
    }
    return page;
}

std::int64_t delete_decisions(Transaction& transaction, std::int64_t before) {
    return transaction.execute(
        "DELETE FROM module_decisions WHERE id IN (SELECT id FROM module_decisions WHERE time_ms < ? ORDER BY time_ms LIMIT ?)", before,
        static_cast<std::int64_t>(forgotten_at_once));
}

}  // namespace

void DecisionRows::open() { database_.run_blocking("create_module_decisions", &create_decisions, nullptr); }

async::task<void> DecisionRows::write(std::vector<Decision> decisions) {
    return database_.run("write_module_decisions", &write_decisions, std::move(decisions));
}

async::task<DecisionPage> DecisionRows::find(DecisionFilter filter, std::optional<DecisionPlace> from, std::size_t limit) {
    return database_.read("read_module_decisions", &read_decisions, std::move(filter), std::move(from), limit);
}

async::task<std::int64_t> DecisionRows::forget_before(std::int64_t time_ms) {
    return database_.run("forget_module_decisions", &delete_decisions, time_ms);
}

}  // namespace modapi
