#include "test_database.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace postgresql_test {

namespace {

std::string parameters(const std::string& user) {
    return "host='" + host() + "' user='" + user + "' dbname=" + database + " options='-c client_min_messages=warning'";
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

const char* link_to_server() { return std::getenv("MODAPI_TEST_POSTGRESQL"); }

}  // namespace

bool is_chosen() { return link_to_server() != nullptr; }

std::string host() { return std::filesystem::read_symlink(link_to_server()); }

std::string make(const std::string& name) {
    const std::string found = administrate("SELECT 1 FROM pg_namespace WHERE nspname = '" + name + "'");
    if (found.empty()) {
        administrate("CREATE ROLE " + quoted(name) + " LOGIN");
        administrate("CREATE SCHEMA " + quoted(name) + " AUTHORIZATION " + quoted(name));
    }
    return parameters(name);
}

void drop(const std::string& name) {
    cut_off(name);
    administrate("DROP SCHEMA IF EXISTS " + quoted(name) + " CASCADE");
    administrate("DROP ROLE IF EXISTS " + quoted(name));
}

void cut_off(const std::string& name) {
    administrate("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '" + name + "'");
}

std::string administrate(const std::string& statement) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(parameters("modapi").c_str()), &PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statement.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
    return PQntuples(result.get()) == 0 ? std::string() : PQgetvalue(result.get(), 0, 0);
}

}  // namespace postgresql_test
