#pragma once

#include <string>

/// PostgreSQL for tests. ctest registers the tests that touch a database twice: with SQLite, and with the label `postgresql`
/// and a server that runs as long as ctest does (server.py). Each test has a schema of its own there, which costs milliseconds
/// where a database takes a quarter of a second.
namespace postgresql_test {

/// Whether this run of the tests is the one with PostgreSQL.
[[nodiscard]] bool is_chosen();

/// Folder of the server's socket, which is what libpq takes for a host.
[[nodiscard]] std::string host();

/// All that is in one database; who logs in as a test's role finds that test's tables.
inline constexpr const char* database = "postgres";

/// Makes a role and a schema of that name, unless they are there, and gives libpq's parameters to log in as that role.
[[nodiscard]] std::string make(const std::string& name);

/// Drops both. Whoever is logged in there loses the connection.
void drop(const std::string& name);

/// Ends the connections of a role.
void cut_off(const std::string& name);

/// Runs a statement as the superuser. Gives the first column of the first row; empty without rows.
std::string administrate(const std::string& statement);

}  // namespace postgresql_test
