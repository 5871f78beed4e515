#include "mail/mail_address.h"

#include <gtest/gtest.h>

namespace {

using homeserver::header_address;
using homeserver::header_text;
using homeserver::MailAddress;
using homeserver::parse_mail_address;

TEST(MailAddressTest, IsGivenAloneOrBehindAName) {
    EXPECT_EQ(parse_mail_address("alice@example.org")->address, "alice@example.org");
    EXPECT_EQ(parse_mail_address(" alice@example.org ")->address, "alice@example.org");
    EXPECT_EQ(parse_mail_address("Alice B. <alice@example.org>")->address, "alice@example.org");
    EXPECT_EQ(parse_mail_address("Alice B. <alice@example.org>")->name, "Alice B.");
    EXPECT_EQ(parse_mail_address("\"Alice, B\" <alice@example.org>")->name, "Alice, B");
    EXPECT_EQ(parse_mail_address("<alice+x@[::1]>"), std::nullopt) << "no address literals";
}

class NoMailAddressTest : public testing::TestWithParam<std::string> {};

TEST_P(NoMailAddressTest, IsRefused) { EXPECT_EQ(parse_mail_address(GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(Each, NoMailAddressTest,
                         testing::Values("", "alice", "@example.org", "alice@", "a@b@c", "a b@example.org", "a@example.org\n",
                                         "a@example.org\r\nBcc: b@example.org", "a@example.org>\r\nDATA", "<a@example.org",
                                         "A\r\nBcc: x <a@example.org>", "a,b@example.org", "a@b.org, c@d.org",
                                         "\xC3\xA4@example.org", std::string("a\0@example.org", 14),
                                         std::string(65, 'a') + "@example.org", "a@" + std::string(260, 'd')));

TEST(MailHeaderTest, HoldsPlainTextAsItIs) {
    EXPECT_EQ(header_text("Renew your account"), "Renew your account");
    MailAddress address;
    address.name = "My server";
    address.address = "a@example.org";
    EXPECT_EQ(header_address(address), "My server <a@example.org>");
    address.name = "My, \"server\"";
    EXPECT_EQ(header_address(address), "\"My, \\\"server\\\"\" <a@example.org>");
}

TEST(MailHeaderTest, IsOneLineOfAsciiWhateverTheText) {
    EXPECT_EQ(header_text("a\r\nBcc: b"), "a  Bcc: b");
    EXPECT_EQ(header_text("Grüße"), "=?utf-8?B?R3LDvMOfZQ==?=");
    EXPECT_EQ(header_text("=?utf-8?B?QQ==?="), "=?utf-8?B?PT91dGYtOD9CP1FRPT0/PQ==?=") << "what looks encoded is encoded";
    const std::string text = header_text(std::string(100, 'a') + "\xC3\xBC\xC3\xBC");
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find("\r\n ", begin), text.size());
        EXPECT_LE(end - begin, 76U);
        begin = end == text.size() ? end : end + 3;
    }
}

}  // namespace
