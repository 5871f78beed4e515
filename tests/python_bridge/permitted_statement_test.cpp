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

TEST(PermittedStatements, ThatLookCallNothingThatNoRollbackUndoes) {
    for (const char* const sql :
         {"SELECT dblink_exec('host=other', 'DELETE FROM a')", "SELECT 1 FROM DBLink('x', 'y') AS a(b int)",
          "SELECT pg_terminate_backend(1)", "SELECT (lo_export(1, '/tmp/a'))", "SELECT \"pg_reload_conf\"()",
          "SELECT pg_logical_emit_message(false, 'a', 'b')"}) {
        EXPECT_THROW(modapi::require_undone_by_rollback(sql), modapi::WriteRefused) << sql;
    }
    for (const char* const sql : {"SELECT a FROM b", "SELECT pg_sleep(1), lo_create(0)", "SELECT my_dblink FROM links", ""})
        EXPECT_NO_THROW(modapi::require_undone_by_rollback(sql)) << sql;
}

TEST(PermittedStatements, AreKnownByTheirFirstWordBehindComments) {
    EXPECT_EQ(modapi::first_word_of(" /* a */ -- b\n (Update a SET b = 1"), "update");
    EXPECT_EQ(modapi::first_word_of("/* open"), "");
    EXPECT_EQ(modapi::first_word_of("42"), "");
}

}  // namespace
