#include "mail/mailer.h"
#include "smtp_peer.h"
#include "test_certificate.h"

#include <callbacks/errors.h>

#include <async/co_spawn.h>
#include <async/sync_wait.h>
#include <modapi/services/mail_services.h>

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include <memory>

namespace {

using namespace homeserver_test;
using namespace std::chrono_literals;
using homeserver::Mailer;
using homeserver::MailSettings;
using testing::HasSubstr;
using testing::Not;

class SmtpDeliveryTest : public testing::Test {
protected:
    explicit SmtpDeliveryTest(SmtpBehaviour behaviour = SmtpBehaviour()) : peer(std::move(behaviour)) {
        settings.smtp.emplace();
        settings.smtp->host = "localhost";
        settings.smtp->port = peer.port();
        settings.from = "My server <noreply@hs.test>";
    }
    /// What it threw; empty if it was sent.
    std::string failure_of_sending(const std::string& recipient, const std::string& subject = "A subject",
                                   const std::string& text = "plain") {
        Mailer mailer(settings, name);
        boost::asio::io_context io(1);
        try {
            async::sync_wait(io, mailer.send(recipient, subject, "<p>rich</p>", text));
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return {};
    }
    std::string server_and(const std::string& reason) const {
        return "mail server localhost:" + std::to_string(settings.smtp->port) + ": " + reason;
    }

    SmtpPeer peer;
    MailSettings settings;
    std::string name = "hs.test:8448";
};

TEST_F(SmtpDeliveryTest, HandsOverBothForms) {
    EXPECT_EQ(failure_of_sending("Alice <alice@example.org>", "Grüße", "first\n.second\nGrüße"), "");
    ASSERT_EQ(peer.mails().size(), 1U);
    const ReceivedMail mail = peer.mails()[0];
    EXPECT_TRUE(peer.was_told("EHLO hs.test"));
    EXPECT_EQ(mail.from, "noreply@hs.test");
    EXPECT_EQ(mail.to, "alice@example.org");
    EXPECT_THAT(mail.data, HasSubstr("From: My server <noreply@hs.test>\r\n"));
    EXPECT_THAT(mail.data, HasSubstr("To: Alice <alice@example.org>\r\n"));
    EXPECT_THAT(mail.data, HasSubstr("Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"));
    EXPECT_THAT(mail.data,
                testing::ContainsRegex("Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} \\+0000\r\n"));
    EXPECT_THAT(mail.data, testing::ContainsRegex("Message-ID: <[a-z0-9]{32}@hs.test>\r\n"));
    EXPECT_THAT(mail.data, HasSubstr("Content-Type: multipart/alternative; boundary="));
    EXPECT_THAT(mail.data, HasSubstr("Mime-Version: 1.0\r\n"));
    EXPECT_THAT(mail.data, HasSubstr("first\r\n.second\r\nGr=C3=BC=C3=9Fe"));
    EXPECT_THAT(mail.data, HasSubstr("<p>rich</p>"));
    EXPECT_LT(mail.data.find("text/plain; charset=utf-8"), mail.data.find("text/html; charset=utf-8")) << "the richest last";
    EXPECT_FALSE(mail.was_encrypted);
}

TEST_F(SmtpDeliveryTest, LetsNothingBecomeAHeaderOrACommand) {
    EXPECT_EQ(failure_of_sending("a@example.org\r\nRCPT TO:<b@example.org>"),
              "this is no mail address: a@example.org\r\nRCPT TO:<b@example.org>");
    EXPECT_TRUE(peer.mails().empty());
    EXPECT_EQ(failure_of_sending("a@example.org", "hello\r\nBcc: b@example.org\r\n\r\nanother body", "x\r\n.\r\nMAIL FROM:<b>"),
              "");
    ASSERT_EQ(peer.mails().size(), 1U);
    EXPECT_THAT(peer.mails()[0].data, Not(HasSubstr("\r\nBcc:")));
    EXPECT_THAT(peer.mails()[0].data, HasSubstr("x\r\n.\r\nMAIL FROM:<b>")) << "a line of one dot is text";
}

TEST_F(SmtpDeliveryTest, SaysThatNobodyListens) {
    settings.smtp->port = refused_port();
    EXPECT_THAT(failure_of_sending("a@example.org"), HasSubstr(server_and("Failed to connect")));
}

TEST_F(SmtpDeliveryTest, SendsNothingUnencryptedWhereTlsIsRequired) {
    settings.smtp->require_transport_security = true;
    EXPECT_THAT(failure_of_sending("a@example.org"), HasSubstr(server_and("")));
    EXPECT_TRUE(peer.mails().empty());
}

struct Refusing {
    const char* command;
    const char* answer;
    const char* code;
};

class RefusingSmtpServer : public SmtpDeliveryTest, public testing::WithParamInterface<Refusing> {
protected:
    RefusingSmtpServer() : SmtpDeliveryTest(SmtpBehaviour{{{GetParam().command, GetParam().answer}}, nullptr, false}) {}
};

TEST_P(RefusingSmtpServer, IsNamedWithItsReply) {
    EXPECT_THAT(failure_of_sending("a@example.org"), testing::AllOf(HasSubstr(server_and("")), HasSubstr(GetParam().code)));
    EXPECT_TRUE(peer.mails().empty());
}

INSTANTIATE_TEST_SUITE_P(Each, RefusingSmtpServer,
                         testing::Values(Refusing{"MAIL", "530 log in first", "530"},
                                         Refusing{"RCPT", "550 no such user", "550"},
                                         Refusing{"DATA", "452 the disk is full", "452"}));

class StallingSmtpServer : public SmtpDeliveryTest {
protected:
    StallingSmtpServer() : SmtpDeliveryTest(SmtpBehaviour{{{"MAIL", ""}}, nullptr, false}) {}
};

TEST_F(StallingSmtpServer, IsLeftWhenTheTimeIsOver) {
    settings.smtp->timeout = 200ms;
    EXPECT_THAT(failure_of_sending("a@example.org"), HasSubstr(server_and("Operation timed out")));
    EXPECT_TRUE(peer.was_told("MAIL"));
}

TEST_F(StallingSmtpServer, KeepsNobodyWhoStops) {
    Mailer mailer(settings, name);
    boost::asio::io_context io(1);
    std::thread stopping([&] {
        EXPECT_TRUE(peer.was_told("MAIL"));
        mailer.end_within(0ms);
    });
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(async::sync_wait(io, mailer.send("a@example.org", "s", "h", "t")), modapi::MailError);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s) << "not the 30 s that a mail has";
    stopping.join();
}

TEST_F(StallingSmtpServer, MailsThatWaitedForTheirTurnTooLongAreNotSent) {
    settings.smtp->timeout = 300ms;
    Mailer mailer(settings, name);
    boost::asio::io_context io(1);
    const async::environment environment(io.get_executor());
    std::vector<std::string> failures;
    constexpr int mails = 12;  // three times as many as are sent at once
    for (int number = 0; number < mails; ++number) {
        async::co_spawn(environment, mailer.send("a@example.org", "s", "h", "t"), [&](std::exception_ptr failure) {
            ASSERT_TRUE(failure);
            failures.push_back(callbacks::message_of(failure));
        });
    }
    io.run();
    EXPECT_EQ(failures.size(), 12U);
    EXPECT_THAT(failures, testing::Contains(HasSubstr("this mail's time is over"))) << "in queue when its time was over";
}

class TlsSmtpServer : public SmtpDeliveryTest {
protected:
    explicit TlsSmtpServer(std::unique_ptr<TestCertificate> own = std::make_unique<TestCertificate>())
        : SmtpDeliveryTest(SmtpBehaviour{{}, &own->tls(), true}), certificate(std::move(own)) {
        settings.smtp->ca_file = certificate->file();
        settings.smtp->user = "me";
        settings.smtp->password = "my secret";
    }
    std::unique_ptr<TestCertificate> certificate;
};

TEST_F(TlsSmtpServer, IsSpokenToOverTlsAndLoggedInto) {
    settings.smtp->require_transport_security = true;
    EXPECT_EQ(failure_of_sending("a@example.org"), "");
    ASSERT_EQ(peer.mails().size(), 1U);
    EXPECT_TRUE(peer.mails()[0].was_encrypted);
    EXPECT_THAT(peer.mails()[0].login, HasSubstr("AG1lAG15IHNlY3JldA==")) << "NUL me NUL my secret";
}

TEST_F(TlsSmtpServer, WithACertificateThatNobodyVouchesForGetsNothing) {
    settings.smtp->ca_file.reset();
    EXPECT_THAT(failure_of_sending("a@example.org"), testing::AllOf(HasSubstr("certificate"), Not(HasSubstr("my secret"))));
    EXPECT_TRUE(peer.mails().empty());
}

/// Its certificate says for whom it is in its subject only.
class OldTlsSmtpServer : public TlsSmtpServer {
protected:
    OldTlsSmtpServer() : TlsSmtpServer(std::make_unique<TestCertificate>("")) {}
};

TEST_F(OldTlsSmtpServer, GetsNothingThoughItsSubjectIsTheHost) {
    EXPECT_THAT(failure_of_sending("a@example.org"), testing::AllOf(HasSubstr("certificate"), Not(HasSubstr("my secret"))));
    EXPECT_TRUE(peer.mails().empty());
}

}  // namespace
