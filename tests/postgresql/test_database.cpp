#include "test_database.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace postgresql_test {

namespace {

std::string parameters(const std::string& database) { return "host='" + host() + "' user=modapi dbname='" + database + "'"; }

const char* link_to_server() { return std::getenv("MODAPI_TEST_POSTGRESQL"); }

}  // namespace

bool is_chosen() { return link_to_server() != nullptr; }

std::string host() { return std::filesystem::read_symlink(link_to_server()); }

std::string database(const std::string& name) {
    const std::string found = administrate("SELECT 1 FROM pg_database WHERE datname = '" + name + "'");
    if (found.empty()) administrate("CREATE DATABASE \"" + name + "\" TEMPLATE template0");
    return parameters(name);
}

void drop(const std::string& name) { administrate("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)"); }

std::string administrate(const std::string& statement, const std::string& database) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(parameters(database).c_str()), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
    return PQntuples(result.get()) == 0 ? std::string() : PQgetvalue(result.get(), 0, 0);
}

}  // namespace postgresql_test
