#include "test_database.h"

#include <modapi/database.h>

#include <async/sync_wait.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

/// Rows of which nothing is known before, truth values and bytes.
namespace {

using modapi::Database;
using modapi::DatabaseError;
using modapi::SqlBytes;
using modapi::SqlResult;
using modapi::SqlValue;
using modapi::Transaction;
using Names = std::vector<std::string>;
using Row = std::vector<SqlValue>;

/// With NUL characters, and what is no UTF-8.
const std::string every_byte = [] {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    return bytes;
}();

class SqlValuesTest : public testing::Test {
protected:
    SqlValuesTest() {
        run([](Transaction& transaction) {
            transaction.execute("CREATE TABLE files (name TEXT PRIMARY KEY, content BYTEA, is_open BOOLEAN, size BIGINT)");
        });
    }
    void run(const std::function<void(Transaction&)>& work) { async::sync_wait(database->run("test", work)); }
    std::string error_of(const std::function<void(Transaction&)>& work) {
        try {
            run(work);
        } catch (const DatabaseError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    static void add(Transaction& transaction, const std::string& name, const std::string& content) {
        transaction.execute("INSERT INTO files (name, content) VALUES (?, ?)", name, SqlBytes(content));
    }
    /// What an untyped row has for a truth value.
    static SqlValue truth(bool value) {
        if (postgresql_test::is_chosen()) return value;
        return std::int64_t{value};
    }

    TestDatabase test_database;
    std::unique_ptr<Database> database = Database::open(test_database.settings());
};

std::string listing(Transaction& transaction, const std::string& sql, std::vector<SqlValue> values) {
    const modapi::SqlResult found = transaction.query_any_with(sql, std::move(values));
    std::string text = std::to_string(found.rows.size()) + " rows of";
    for (const std::string& column : found.columns) text += " " + column;
    for (const std::vector<SqlValue>& row : found.rows) {
        const auto* const number = std::get_if<std::int64_t>(&row.back());
        text += number != nullptr ? " " + std::to_string(*number) : " -";
    }
    return text;
}

TEST_F(SqlValuesTest, GiveTheRowsOfAStatementOfWhichNothingIsKnown) {
    run([](Transaction& transaction) {
        transaction.execute("INSERT INTO files (name, size) VALUES ('a', 7), ('b', NULL)");
        EXPECT_EQ(
            listing(transaction, "SELECT name, size AS \"Size\" FROM files WHERE name > ? ORDER BY name", {std::string("A")}),
            "2 rows of name Size 7 -");
        const SqlResult found = transaction.query_any(
            "SELECT name, size, CAST(0.5 AS DOUBLE PRECISION) AS part, size FROM files WHERE size = ?", 7);
        EXPECT_EQ(found.columns, (Names{"name", "size", "part", "size"})) << "two columns may have one name";
        ASSERT_EQ(found.rows.size(), 1U);
        EXPECT_EQ(found.rows[0], (Row{std::string("a"), std::int64_t{7}, 0.5, std::int64_t{7}}));
        EXPECT_EQ(found.changed, 0) << "it only reads";
        const SqlResult none = transaction.query_any("SELECT name FROM files WHERE name = 'nobody'");
        EXPECT_EQ(none.columns, Names{"name"});
        EXPECT_TRUE(none.rows.empty());
    });
}

TEST_F(SqlValuesTest, GiveWhatAStatementChangedThatHasRowsOrNone) {
    run([](Transaction& transaction) {
        const SqlResult made = transaction.query_any("CREATE TABLE others (name TEXT)");
        EXPECT_TRUE(made.columns.empty() && made.rows.empty());
        EXPECT_EQ(made.changed, 0);
        const SqlResult added = transaction.query_any("INSERT INTO files (name) VALUES (?), (?), (?)", "a", "b", "c");
        EXPECT_TRUE(added.columns.empty() && added.rows.empty());
        EXPECT_EQ(added.changed, 3);
        const SqlResult changed = transaction.query_any("UPDATE files SET size = 1 WHERE name <> ? RETURNING name, size", "a");
        EXPECT_EQ(changed.columns, (Names{"name", "size"}));
        EXPECT_EQ(changed.rows.size(), 2U);
        EXPECT_EQ(changed.changed, 2);
        EXPECT_EQ(transaction.query_any("DELETE FROM files WHERE name = 'nobody'").changed, 0);
        EXPECT_EQ(transaction.execute("SELECT name FROM files"), 0) << "what it counts are no changes";
        EXPECT_EQ(
            transaction.query_any("WITH gone AS (SELECT 'a' AS name) DELETE FROM files WHERE name IN (SELECT name FROM gone)")
                .changed,
            1);
    });
}

TEST_F(SqlValuesTest, NameTheColumnsThatATableHasNow) {
    run([](Transaction& transaction) {
        const std::string all = "SELECT * FROM files";
        for (int often_enough_to_be_prepared = 0; often_enough_to_be_prepared < 3; ++often_enough_to_be_prepared)
            EXPECT_EQ(transaction.query_any(all).columns.size(), 4U);
    });
    run([](Transaction& transaction) { transaction.execute("ALTER TABLE files ADD COLUMN owner TEXT"); });
    run([](Transaction& transaction) {
        EXPECT_EQ(transaction.query_any("SELECT * FROM files").columns, (Names{"name", "content", "is_open", "size", "owner"}));
    });
}

TEST_F(SqlValuesTest, FailWithTheErrorsOfEveryStatement) {
    run([](Transaction& transaction) { transaction.execute("INSERT INTO files (name) VALUES ('a')"); });
    const auto again = [](Transaction& transaction) { transaction.query_any("INSERT INTO files (name) VALUES (?)", "a"); };
    EXPECT_THROW(run(again), modapi::ConstraintViolation);
    const auto write = [](Transaction& transaction) { transaction.query_any("DELETE FROM files"); };
    EXPECT_THROW(async::sync_wait(database->read("write", write)), modapi::WriteRefused);
    EXPECT_EQ(error_of([](Transaction& transaction) { transaction.query_any("SELECT ?"); }),
              "there are 1 placeholders and 0 values for: SELECT ?");
}

TEST_F(SqlValuesTest, CarryBytesThereAndBackAsTheyAre) {
    for (const std::string& content :
         {std::string(), std::string(1, '\0'), std::string("\\x00"), every_byte, std::string(3U << 20U, '\0')}) {
        run([&](Transaction& transaction) {
            transaction.execute("DELETE FROM files");
            add(transaction, "file", content);
            const auto read = transaction.query_one<SqlBytes>("SELECT content FROM files WHERE content = ?", SqlBytes(content));
            ASSERT_TRUE(read) << "they are found by what they are";
            EXPECT_TRUE(std::get<0>(*read) == SqlBytes(content));
            const SqlResult untyped = transaction.query_any("SELECT content FROM files");
            EXPECT_TRUE(untyped.rows.at(0).at(0) == SqlValue(SqlBytes(content)));
            const auto size = transaction.query_one<std::int64_t>("SELECT LENGTH(content) FROM files");
            EXPECT_EQ(std::get<0>(*size), std::ssize(content));
        });
    }
}

TEST_F(SqlValuesTest, HaveNoBytesWhereThereIsNull) {
    run([](Transaction& transaction) {
        transaction.execute("INSERT INTO files (name, content) VALUES (?, ?)", "none", std::optional<SqlBytes>());
        transaction.execute("INSERT INTO files (name, content) VALUES (?, ?)", "some", std::optional<SqlBytes>(SqlBytes("x")));
        const auto rows = transaction.query<std::optional<SqlBytes>>("SELECT content FROM files ORDER BY name");
        ASSERT_EQ(rows.size(), 2U);
        EXPECT_FALSE(std::get<0>(rows[0]).has_value());
        EXPECT_TRUE(std::get<0>(rows[1]) == SqlBytes("x"));
    });
}

TEST_F(SqlValuesTest, MakeBytesOfWhateverHoldsThem) {
    const std::vector<std::byte> given = {std::byte{0}, std::byte{255}};
    EXPECT_EQ(SqlBytes(given).content(), std::string("\0\xff", 2));
    static_assert(!std::is_convertible_v<std::string, SqlBytes>);
    static_assert(!std::is_convertible_v<const char*, SqlBytes>);
    EXPECT_TRUE(std::holds_alternative<std::string>(SqlValue("a text")));
    EXPECT_TRUE(std::holds_alternative<std::int64_t>(SqlValue(7)));
    EXPECT_TRUE(std::holds_alternative<bool>(SqlValue(true)));
}

TEST_F(SqlValuesTest, CarryBytesInStatementsThatComeOftenWithNullAndBytesInTurn) {
    run([](Transaction& transaction) {
        std::int64_t number = 0;
        for (int round = 0; round < 4; ++round) {
            for (const std::optional<SqlBytes>& content : {std::optional<SqlBytes>(), std::optional<SqlBytes>(every_byte)}) {
                transaction.execute("INSERT INTO files (name, content, size) VALUES (?, ?, ?)",
                                    "file " + std::to_string(number), content, number);
                const auto row =
                    transaction.query_one<std::optional<SqlBytes>>("SELECT content FROM files WHERE size = ?", number++);
                EXPECT_TRUE(std::get<0>(*row) == content);
            }
        }
        for (int round = 0; round < 4; ++round) {
            transaction.execute_later("UPDATE files SET content = ? WHERE size = ?", SqlBytes(std::string(1, '\0')), round);
            EXPECT_EQ(std::get<0>(*transaction.query_one<SqlBytes>("SELECT content FROM files WHERE size = ?", round))
                          .content()
                          .size(),
                      1U);
        }
    });
}

TEST_F(SqlValuesTest, TakeNoTextForBytesAndNoBytesForANumber) {
    run([](Transaction& transaction) { add(transaction, "file", "7"); });
    EXPECT_EQ(
        error_of([](Transaction& transaction) { static_cast<void>(transaction.query<SqlBytes>("SELECT name FROM files")); }),
        "column 1 of the result is not bytes but a text");
    EXPECT_EQ(
        error_of([](Transaction& transaction) { static_cast<void>(transaction.query<int>("SELECT content FROM files")); }),
        "column 1 of the result is not an integer but bytes");
    EXPECT_EQ(error_of([](Transaction& transaction) { static_cast<void>(transaction.query<bool>("SELECT name FROM files")); }),
              "column 1 of the result is not a truth value but a text");
}

TEST_F(SqlValuesTest, ReadTruthValuesOfColumnsOfThatTypeByWhateverTypeIsAskedFor) {
    run([](Transaction& transaction) {
        transaction.execute("INSERT INTO files (name, is_open, size) VALUES ('a', ?, ?), ('b', ?, ?)", true, true, false,
                            false);
        transaction.execute_with("INSERT INTO files (name, is_open) VALUES ('c', ?)", {SqlValue(true)});
        transaction.execute("INSERT INTO files (name, is_open) VALUES ('d', ?)", std::optional<bool>());
        const auto rows = transaction.query<bool, std::int64_t, double, bool>(
            "SELECT is_open, is_open, is_open, size FROM files WHERE size IS NOT NULL ORDER BY name");
        EXPECT_EQ(rows,
                  (std::vector<std::tuple<bool, std::int64_t, double, bool>>{{true, 1, 1.0, true}, {false, 0, 0.0, false}}));
        const SqlResult untyped = transaction.query_any("SELECT is_open FROM files ORDER BY name");
        EXPECT_EQ(untyped.rows, (std::vector<Row>{{truth(true)}, {truth(false)}, {truth(true)}, {SqlValue()}}));
    });
}

TEST_F(SqlValuesTest, OfAnyRowAreBoundAgainAsTheyCame) {
    run([](Transaction& transaction) {
        add(transaction, "file", every_byte);
        transaction.execute("UPDATE files SET is_open = TRUE, size = 256");
        SqlResult found = transaction.query_any("SELECT name, content, is_open, size FROM files");
        found.rows[0][0] = std::string("copy");
        transaction.execute_with("INSERT INTO files (name, content, is_open, size) VALUES (?, ?, ?, ?)", found.rows[0]);
        const auto copies = transaction.query_one<SqlBytes, bool, int>(
            "SELECT content, is_open, size FROM files WHERE name = ? AND size = ?", found.rows[0][0], found.rows[0][3]);
        ASSERT_TRUE(copies);
        EXPECT_TRUE(*copies == std::make_tuple(SqlBytes(every_byte), true, 256));
    });
}

TEST_F(SqlValuesTest, GiveBytesThatAreReadAsATextAsTheEngineAlwaysDid) {
    run([](Transaction& transaction) {
        add(transaction, "file", std::string("\0\xff", 2));
        const auto row = transaction.query_one<std::string, std::optional<std::string>>("SELECT content, content FROM files");
        const std::string expected = postgresql_test::is_chosen() ? "\\x00ff" : std::string("\0\xff", 2);
        EXPECT_EQ(*row, std::make_tuple(expected, std::optional<std::string>(expected)));
    });
}

}  // namespace
