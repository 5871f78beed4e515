#include "module_api_test.h"
#include "smtp_peer.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

namespace {

using namespace homeserver_test;
using testing::HasSubstr;
using testing::Not;

constexpr const char* mail = R"(["Alice <alice@example.org>","A subject","<p>a secret link</p>","a secret link"])";

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

class MailSinkTest : public ModuleApiServer {
protected:
    MailSinkTest() : ModuleApiServer("email: {sink_path: mails.jsonl}\n") {}
};

TEST_F(MailSinkTest, WritesEachMailOfAModuleAsALine) {
    EXPECT_EQ(json("send_mail", mail), "null");
    EXPECT_EQ(json("send_mail", mail), "null");
    const std::string lines = content_of(folder.path() / "mails.jsonl");
    const std::string line = R"({"medium":"email","address":"alice@example.org","subject":"A subject",)"
                             R"("html":"<p>a secret link</p>","text":"a secret link"})"
                             "\n";
    EXPECT_EQ(lines, line + line);
    const auto mode = std::filesystem::status(folder.path() / "mails.jsonl").permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write) << "who reads it can log in";
    EXPECT_THAT(server.log(), Not(HasSubstr("a secret link")));
}

TEST_F(MailSinkTest, ThatCanNotBeWrittenIsAnError) {
    std::filesystem::create_directory(folder.path() / "mails.jsonl");
    EXPECT_THAT(error_text(call("send_mail", mail)), HasSubstr("runtime_error the file of mails "));
}

TEST_F(MailSinkTest, RefusesWhatIsNoMailAddress) {
    EXPECT_EQ(error_text(call("send_mail", R"(["alice","s","h","t"])")), "runtime_error this is no mail address: alice");
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "mails.jsonl"));
}

class NoMailTest : public ModuleApiServer {};

TEST_F(NoMailTest, IsWhatAServerWithoutTheConfigurationSays) {
    EXPECT_EQ(error_text(call("send_mail", mail)),
              "runtime_error no mail can be sent: the configuration has no email.smtp_host");
}

/// The port must be known before the server starts.
struct WithSmtpPeer {
    explicit WithSmtpPeer(SmtpBehaviour behaviour) : peer(std::move(behaviour)) {}
    SmtpPeer peer;
};

class SmtpTest : private WithSmtpPeer, public ModuleApiServer {
protected:
    explicit SmtpTest(SmtpBehaviour behaviour = SmtpBehaviour())
        : WithSmtpPeer(std::move(behaviour)),
          ModuleApiServer("email: {smtp_host: localhost, smtp_port: " + std::to_string(WithSmtpPeer::peer.port()) +
                          ", smtp_user: me, smtp_pass: my password, app_name: Chat, "
                          "notif_from: '%(app)s <noreply@hs.test>'}\n") {}
    using WithSmtpPeer::peer;
};

TEST_F(SmtpTest, SendsAModulesMail) {
    EXPECT_EQ(json("send_mail", mail), "null");
    ASSERT_EQ(peer.mails().size(), 1U);
    EXPECT_EQ(peer.mails()[0].to, "alice@example.org");
    EXPECT_THAT(peer.mails()[0].data, HasSubstr("From: Chat <noreply@hs.test>\r\n"));
    EXPECT_THAT(server.log(), Not(HasSubstr("my password")));
}

class RefusingSmtpTest : public SmtpTest {
protected:
    RefusingSmtpTest() : SmtpTest(SmtpBehaviour{{{"RCPT", "550 no such user"}}, nullptr, false}) {}
};

TEST_F(RefusingSmtpTest, IsAnErrorOfTheModuleAndTheServerGoesOn) {
    EXPECT_THAT(error_text(call("send_mail", mail)),
                testing::AllOf(HasSubstr("runtime_error mail server localhost:"), HasSubstr("550")));
    EXPECT_EQ(text("check_user_exists", R"(["@root:hs.test"])"), "@root:hs.test");
}

class StallingSmtpTest : public SmtpTest {
protected:
    StallingSmtpTest() : SmtpTest(SmtpBehaviour{{{"EHLO", ""}}, nullptr, false}) {}
};

TEST_F(StallingSmtpTest, KeepsNobodyFromLoggingInNorTheServerFromStopping) {
    std::vector<std::thread> senders;
    constexpr int more_than_are_sent_at_once = 6;
    for (int number = 0; number < more_than_are_sent_at_once; ++number) {
        senders.emplace_back([this] {
            try {
                static_cast<void>(
                    server.request("POST", "/_synapse/client/api", std::string(R"({"call":"send_mail","args":)") + mail + "}"));
            } catch (const std::exception&) {
                // The server stopped meanwhile.
            }
        });
    }
    EXPECT_TRUE(peer.was_told("EHLO"));
    static_cast<void>(server.register_user("alice"));
    EXPECT_EQ(post("/login", password_login("alice"), "").status, 200);
    const auto begin = std::chrono::steady_clock::now();
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    for (std::thread& sender : senders) sender.join();
}

class ServerTemplatesTest : public ModuleApiServer {
protected:
    ServerTemplatesTest() : ModuleApiServer("templates: {custom_template_directory: .}\n") {}
};

TEST_F(ServerTemplatesTest, ComeFromTheOperatorThenTheModuleThenTheServer) {
    const std::filesystem::path own = folder.path() / "own";
    std::filesystem::create_directory(own);
    std::ofstream(own / "both.html") << "the module's {{name}}";
    std::ofstream(own / "own.txt") << "only the module's {{name}}";
    std::ofstream(folder.path() / "both.html") << "the operator's {{name}}";
    EXPECT_EQ(json("read_templates", R"([["both.html","own.txt"],")" + own.string() + R"(",{"name":"<b>"}])"),
              R"(["the operator's &lt;b&gt;","only the module's <b>"])");
    EXPECT_THAT(json("read_templates", R"([["validation.txt"],null,{"link":"https://l?a=1&b=2"}])"),
                HasSubstr("https://l?a=1&b=2"));
    EXPECT_THAT(error_text(call("read_templates", R"([["none.html"],null,{}])")),
                HasSubstr("runtime_error there is no template none.html: looked in "));
    EXPECT_EQ(error_text(call("read_templates", R"([["own.txt"],"/no/folder",{}])")),
              "runtime_error the folder of templates /no/folder is not there");
}

}  // namespace
