#pragma once

#include <string>

/// PostgreSQL for tests. ctest registers the tests that touch a database twice: with SQLite, and with the label `postgresql`
/// and a server that runs as long as ctest does (server.py). Each test has a database of its own.
namespace postgresql_test {

/// Whether this run of the tests is the one with PostgreSQL.
[[nodiscard]] bool is_chosen();

/// Folder of the server's socket, which is what libpq takes for a host.
[[nodiscard]] std::string host();

/// Parameters in libpq's key=value form of the database `name`; it is made if there is none.
[[nodiscard]] std::string database(const std::string& name);

/// Drops it, with whoever is connected to it.
void drop(const std::string& name);

/// Runs a statement as the superuser, in no transaction. Gives the first column of the first row; empty without rows.
std::string administrate(const std::string& statement, const std::string& database = "postgres");

}  // namespace postgresql_test
