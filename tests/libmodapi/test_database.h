#pragma once

#include "postgresql/test_database.h"
#include "temporary_folder.h"

#include <modapi/database.h>

#include <string>

/// A database for one test: a file, or where this run of the tests is about PostgreSQL, a schema there.
class TestDatabase {
public:
    TestDatabase() = default;
    ~TestDatabase() {
        if (postgresql_test::is_chosen()) postgresql_test::drop(name());
    }
    TestDatabase(const TestDatabase&) = delete;
    TestDatabase& operator=(const TestDatabase&) = delete;

    [[nodiscard]] modapi::DatabaseSettings settings() const {
        modapi::DatabaseSettings settings;
        if (postgresql_test::is_chosen()) {
            settings.name = "psycopg2";
            settings.postgresql_connection = postgresql_test::make(name());
        } else {
            settings.database = folder_.file("data = 1.db");
        }
        return settings;
    }
    [[nodiscard]] std::string name() const { return folder_.path().filename(); }

private:
    TemporaryFolder folder_;
};
