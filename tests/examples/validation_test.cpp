#include "addresses/validation.h"

#include "addresses/phone_number.h"
#include "process/schema.h"
#include "server_process.h"

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <memory>

namespace {

using homeserver::begin_validation;
using homeserver::CodeOutcome;
using homeserver::note_sent;
using homeserver::submit_code;
using homeserver::validated_address;
using homeserver::Validation;
using homeserver::ValidationRequest;
using modapi::Transaction;

constexpr std::int64_t minute = 60 * 1000;

class ValidationTest : public testing::Test {
protected:
    ValidationTest() : database(modapi::Database::open(homeserver_test::database_in(folder.path()))) {
        homeserver::create_schema(*database);
    }
    template <class Function>
    void in_transaction(Function function) {
        database->run_blocking("test", &run<Function>, &function);
    }
    template <class Function>
    static void run(Transaction& transaction, void* function) {
        (*static_cast<Function*>(function))(transaction);
    }
    static ValidationRequest request() {
        ValidationRequest wanted;
        wanted.medium = "email";
        wanted.address = "a@example.org";
        wanted.client_secret = "secret";
        return wanted;
    }

    homeserver_test::TemporaryFolder folder;
    std::unique_ptr<modapi::Database> database;
};

TEST_F(ValidationTest, ACodeIsGoodForAnHour) {
    in_transaction([](Transaction& transaction) {
        const Validation first = begin_validation(transaction, request(), 0);
        const auto late = submit_code(transaction, "email", first.sid, "secret", first.token, 60 * minute);
        EXPECT_EQ(late.outcome, CodeOutcome::EXPIRED);
        const Validation second = begin_validation(transaction, request(), 60 * minute);
        EXPECT_NE(second.sid, first.sid) << "an expired code isn't sent again";
        const auto in_time = submit_code(transaction, "email", second.sid, "secret", second.token, 120 * minute - 1);
        EXPECT_EQ(in_time.outcome, CodeOutcome::VALIDATED);
    });
}

TEST_F(ValidationTest, AValidatedAddressIsGoodForADay) {
    in_transaction([](Transaction& transaction) {
        const Validation validation = begin_validation(transaction, request(), 0);
        EXPECT_FALSE(validated_address(transaction, validation.sid, "secret", 0));
        EXPECT_EQ(submit_code(transaction, "email", validation.sid, "secret", validation.token, minute).outcome,
                  CodeOutcome::VALIDATED);
        EXPECT_TRUE(validated_address(transaction, validation.sid, "secret", 24 * 60 * minute));
        EXPECT_FALSE(validated_address(transaction, validation.sid, "another", 24 * 60 * minute));
        EXPECT_FALSE(validated_address(transaction, validation.sid, "secret", 24 * 60 * minute + minute));
    });
}

TEST_F(ValidationTest, AnAddressGetsItsNextCodeAnHourAfterTheFirstOfFive) {
    in_transaction([](Transaction& transaction) {
        const auto begin = [&](const std::string& secret, std::int64_t now) {
            ValidationRequest wanted = request();
            wanted.client_secret = secret;
            return begin_validation(transaction, wanted, now);
        };
        for (int at = 0; at < 5; ++at) EXPECT_TRUE(begin("s" + std::to_string(at), at * minute).is_to_be_sent);
        const Validation sixth = begin("s5", 5 * minute);
        EXPECT_FALSE(sixth.is_to_be_sent);
        EXPECT_FALSE(sixth.sid.empty());
        EXPECT_FALSE(begin("s5", 59 * minute).is_to_be_sent);
        EXPECT_TRUE(begin("s6", 60 * minute).is_to_be_sent);
        EXPECT_FALSE(begin("s7", 60 * minute).is_to_be_sent) << "of four others the hour isn't over";
    });
}

TEST_F(ValidationTest, WhoeverAsksWithManySecretsLeavesFewRows) {
    in_transaction([](Transaction& transaction) {
        for (int at = 0; at < 100; ++at) {
            ValidationRequest wanted = request();
            wanted.client_secret = "s" + std::to_string(at);
            static_cast<void>(begin_validation(transaction, wanted, at));
        }
        const auto rows = transaction.query_one<std::int64_t>("SELECT COUNT(*) FROM address_validations");
        EXPECT_EQ(std::get<0>(rows.value()), 20);
    });
}

TEST_F(ValidationTest, AFailedSendingIsNoAttempt) {
    in_transaction([](Transaction& transaction) {
        const Validation first = begin_validation(transaction, request(), 0);
        EXPECT_TRUE(begin_validation(transaction, request(), 1).is_to_be_sent) << "the first wasn't";
        note_sent(transaction, first.sid, 1);
        EXPECT_FALSE(begin_validation(transaction, request(), 2).is_to_be_sent);
    });
}

struct Number {
    const char* country;
    const char* number;
    const char* canonical;  ///< empty: refused
};

class PhoneNumberTest : public testing::TestWithParam<Number> {};

TEST_P(PhoneNumberTest, HasOneForm) {
    std::string found;
    try {
        found = homeserver::canonical_phone(GetParam().country, GetParam().number);
    } catch (const callbacks::SynapseError& error) {
        EXPECT_STREQ(error.what(), "Unable to parse phone number");
    }
    EXPECT_EQ(found, GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(
    Each, PhoneNumberTest,
    testing::Values(Number{"GB", "07700 900001", "447700900001"}, Number{"gb", "7700900001", "447700900001"},
                    Number{"FR", "+44 7700 900001", "447700900001"}, Number{"FR", "0044 7700900001", "447700900001"},
                    Number{"US", "1 (201) 555-0123", "12015550123"}, Number{"IT", "06 69812345", "390669812345"},
                    Number{"RU", "8 912 345-67-89", "79123456789"}, Number{"HU", "06 1 234 5678", "3612345678"},
                    Number{"ZZ", "07700900001", ""}, Number{"G", "07700900001", ""}, Number{"GB", "", ""},
                    Number{"GB", "12", ""}, Number{"GB", "07700x900001", ""}, Number{"GB", "++447700900001", ""},
                    Number{"GB", "+4477009000011234567", ""}, Number{"GB", "+0000000000", ""},
                    Number{" S", "07700900001", ""}));

}  // namespace
