#include "permitted_statement.h"

#include <modapi/database.h>

#include <gtest/gtest.h>

namespace {

TEST(PermittedStatements, AreThoseThatReadChangeAndDefine) {
    for (const char* const sql :
         {"SELECT 1", " select x from y", "/* why */ -- that\n (SELECT 1)", "WITH a AS (SELECT 1) SELECT * FROM a", "INSERT INTO a VALUES (?)",
          "REPLACE INTO a VALUES (1)", "UPDATE a SET b = 1", "DELETE FROM a", "CREATE TABLE IF NOT EXISTS a (b TEXT)",
          "CREATE UNIQUE INDEX a ON b (c)", "create or replace view a as select 1", "CREATE TEMP TABLE a (b TEXT)", "DROP TABLE a",
          "ALTER TABLE a ADD COLUMN b TEXT", "TRUNCATE a", "EXPLAIN QUERY PLAN SELECT 1"}) {
        EXPECT_NO_THROW(modapi::require_permitted(sql)) << sql;
    }
}

TEST(PermittedStatements, AreNoneThatReachBeyondTheTransaction) {
    for (const char* const sql :
         {"SET search_path TO nowhere", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "set transaction read write",
          "RESET ALL", "PRAGMA locking_mode=EXCLUSIVE", "ATTACH '/srv/secret.db' AS s", "DETACH s", "VACUUM INTO '/tmp/copy'", "BEGIN",
          "COMMIT", "ROLLBACK", "SAVEPOINT a", "COPY a TO '/tmp/copy'", "LISTEN a", "DO $$ $$", "CREATE FUNCTION a() ...", "CREATE ROLE a",
          "ALTER SYSTEM SET a = 1", "ALTER ROLE a", "DROP DATABASE a", "/**/ attach 'x' as y", "", "--"}) {
        EXPECT_THROW(modapi::require_permitted(sql), modapi::DatabaseError) << sql;
    }
}

}  // namespace
