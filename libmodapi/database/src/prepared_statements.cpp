#include "prepared_statements.h"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

namespace modapi {

namespace {

/// Those that are planned, and those that every transaction begins and ends with, which then needn't be parsed.
bool gains_by_preparation(std::string_view sql) {
    constexpr std::array<std::string_view, 9> words = {
        "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "BEGIN", "SET LOCAL", "COMMIT"};
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return boost::algorithm::istarts_with(sql, word); });
}

}  // namespace

PreparedStatements::PreparedStatements() {
    std::random_device random;
    prefix_ = "modapi_" + std::to_string(random()) + std::to_string(random()) + "_";
}

KnownStatement& PreparedStatements::find(std::string_view sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) return found->second;
    if (statements_.size() >= max_statements) forget();
    KnownStatement statement;
    statement.numbered = number_placeholders(sql);
    statement.bounds_transaction =
        boost::algorithm::istarts_with(sql, "BEGIN") || boost::algorithm::istarts_with(sql, "COMMIT");
    statement.may_be_prepared = gains_by_preparation(sql);
    return statements_.emplace(sql, std::move(statement)).first->second;
}

bool PreparedStatements::should_prepare(KnownStatement& statement) const noexcept {
    const bool came_before = std::exchange(statement.came_before, true);
    // What is prepared next has those that were forgotten dropped first, for which the server takes a snapshot, and behind that
    // it takes no BEGIN that says what is seen. In front of a COMMIT that isn't reached they wouldn't be dropped.
    if (has_forgotten_ && statement.bounds_transaction) return false;
    return is_used_ && statement.may_be_prepared && came_before && statement.name.empty();
}

std::string PreparedStatements::next_name() { return prefix_ + std::to_string(++names_); }

void PreparedStatements::forget() {
    const auto is_prepared = [](const auto& known) { return !known.second.name.empty(); };
    has_forgotten_ = has_forgotten_ || std::any_of(statements_.begin(), statements_.end(), is_prepared);
    statements_.clear();
}

void PreparedStatements::stop() {
    statements_.clear();
    is_used_ = false;
    has_forgotten_ = false;
}

bool PreparedStatements::take_forgotten() noexcept { return std::exchange(has_forgotten_, false); }

}  // namespace modapi
