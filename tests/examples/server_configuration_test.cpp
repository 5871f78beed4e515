#include "process/server_configuration.h"
#include "server_process.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using homeserver::ServerConfiguration;

struct Read {
    ServerConfiguration configuration;
    std::vector<std::string> warnings;
};

Read read(const std::string& yaml) {
    Read result;
    const modapi::ConfigurationFile file = modapi::ConfigurationFile::parse(yaml, "/etc/hs/homeserver.yaml");
    const auto warn = [&](const std::string& line) { result.warnings.push_back(line); };
    result.configuration = homeserver::read_server_configuration(file, "/build/modules", warn);
    return result;
}

std::string error_of(const std::string& yaml) {
    try {
        static_cast<void>(read(yaml));
    } catch (const modapi::ConfigurationError& error) {
        return error.what();
    }
    return "no error";
}

TEST(ServerConfigurationTest, NeedsNothingButAName) {
    const ServerConfiguration configuration = read("server_name: example.org\n").configuration;

    EXPECT_EQ(configuration.server_name, "example.org");
    EXPECT_EQ(configuration.public_baseurl.url, "http://example.org/");
    EXPECT_FALSE(configuration.public_baseurl.is_given);
    ASSERT_EQ(configuration.listeners.size(), 1U);
    EXPECT_EQ(configuration.listeners[0].to_string(), "127.0.0.1:8008");
    EXPECT_EQ(configuration.database.name, "sqlite3");
    EXPECT_EQ(configuration.database.database, "/etc/hs/homeserver.db");
    EXPECT_FALSE(configuration.registration.is_enabled);
    EXPECT_EQ(configuration.media.store_path, "/etc/hs/media_store");
    EXPECT_EQ(configuration.media.max_upload_size, 50 * 1024 * 1024);
    EXPECT_TRUE(configuration.media.upload_limits.empty());
    EXPECT_EQ(configuration.signing_key_path, "/etc/hs/example.org.signing.key");
    EXPECT_EQ(configuration.module_path, std::vector<std::filesystem::path>{"/build/modules"});
    EXPECT_EQ(configuration.workers, 1);
}

TEST(ServerConfigurationTest, KnowsWhichProcessItIsAndWhereProxiesCome) {
    const Read read_one = read(
        "server_name: x\ndatabase: {name: postgresql}\nworker_name: a\nrun_background_tasks_on: a\nredis: {enabled: true}\n"
        "listeners: [{port: 1, x_forwarded: true}, {port: 2}]\n");
    EXPECT_EQ(read_one.configuration.process.worker_name, "a");
    EXPECT_EQ(read_one.configuration.process.worker_app, "homeserver.worker");
    EXPECT_TRUE(read_one.configuration.process.redis.has_value());
    EXPECT_TRUE(read_one.configuration.listeners.at(0).x_forwarded);
    EXPECT_FALSE(read_one.configuration.listeners.at(1).x_forwarded);
    EXPECT_TRUE(read_one.warnings.empty()) << read_one.warnings.front();
    EXPECT_EQ(error_of("server_name: x\nlisteners: [{port: 1, x_forwarded: 1}]\n"),
              "/etc/hs/homeserver.yaml:2: listeners[0].x_forwarded: must be a boolean, not a number");
}

TEST(ServerConfigurationTest, SaysHowMuchMayBeUploaded) {
    const Read read_some = read(
        "server_name: x\nmax_upload_size: 2G\n"
        "media_upload_limits: [{time_period: 1h, max_size: 100M}, {time_period: 1000, max_size: 0, per: user}]\n");
    const homeserver::MediaSettings& media = read_some.configuration.media;
    EXPECT_EQ(media.max_upload_size, 2'147'483'648);
    ASSERT_EQ(media.upload_limits.size(), 2U);
    EXPECT_EQ(media.upload_limits[0], callbacks::MediaUploadLimit(104'857'600, 3'600'000));
    EXPECT_EQ(media.upload_limits[1], callbacks::MediaUploadLimit(0, 1000));
    ASSERT_EQ(read_some.warnings.size(), 1U);
    EXPECT_EQ(read_some.warnings[0],
              "/etc/hs/homeserver.yaml:3: media_upload_limits[1].per: is no key that this server knows; it has no effect");

    const std::string not_a_size = "must be a size: bytes, or a number with a unit such as 64K, 50M or 1G";
    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"max_upload_size: -1", "max_upload_size: " + not_a_size},
        {"max_upload_size: 1.5", "max_upload_size: " + not_a_size},
        {"max_upload_size: large", "max_upload_size: " + not_a_size},
        {"max_upload_size: 9999999999G", "max_upload_size: " + not_a_size},
        {"media_upload_limits: [{max_size: 1M}]", "media_upload_limits[0].time_period: is required"},
        {"media_upload_limits: [{time_period: 1h}]", "media_upload_limits[0].max_size: is required"},
        {"media_upload_limits: [{time_period: 1h, max_size: -1}]", "media_upload_limits[0].max_size: " + not_a_size},
        {"media_upload_limits: [{time_period: 0, max_size: 1M}]",
         "media_upload_limits[0].time_period: must be from 1 ms to a hundred years"},
        {"media_upload_limits: [{time_period: 101y, max_size: 1M}]",
         "media_upload_limits[0].time_period: must be from 1 ms to a hundred years"},
    };
    for (const auto& [line, error] : mistakes)
        EXPECT_EQ(error_of("server_name: x\n" + line + "\n"), "/etc/hs/homeserver.yaml:2: " + error);
}

TEST(ServerConfigurationTest, FindsEachPathFromTheFileThatItStandsIn) {
    const homeserver_test::TemporaryFolder folder;
    const std::filesystem::path common = folder.path() / "common";
    const std::filesystem::path own = folder.path() / "own";
    std::filesystem::create_directories(common);
    std::filesystem::create_directories(own);
    std::ofstream(common / "hs.yaml") << "server_name: x\nmedia_store_path: media\ntemplates: {custom_template_directory: t}\n"
                                         "email: {sink_path: mails}\nsigning_key_path: key\n";
    std::ofstream(own / "hs.yaml") << "email: {sink_path: mails}\nsigning_key_path: key\n";
    const std::vector<std::filesystem::path> files = {common / "hs.yaml", own / "hs.yaml"};
    const ServerConfiguration configuration =
        homeserver::read_server_configuration(modapi::ConfigurationFile::load(files), "/build/modules", [](const std::string&) {});
    EXPECT_EQ(configuration.media.store_path, common / "media");
    EXPECT_EQ(configuration.custom_template_dir, (common / "t").string());
    EXPECT_EQ(configuration.mail.sink, own / "mails");
    EXPECT_EQ(configuration.signing_key_path, own / "key");
    EXPECT_EQ(configuration.database.database, (common / "homeserver.db").string());
}

TEST(ServerConfigurationTest, ReadsItsOwnKeysAsYaml1_1Does) {
    EXPECT_TRUE(read("server_name: x\nenable_registration: yes\nenable_registration_without_verification: on\n")
                    .configuration.registration.is_enabled);
    EXPECT_FALSE(read("server_name: x\nenable_registration: Off\n").configuration.registration.is_enabled);
    EXPECT_EQ(read("server_name: x\nusual: &usual {bind_addresses: [127.0.0.2]}\nlisteners: [{<<: *usual, port: 017}]\n")
                  .configuration.listeners.at(0)
                  .address,
              "127.0.0.2");
    EXPECT_EQ(
        error_of("server_name: 2001-12-14\n"),
        "/etc/hs/homeserver.yaml:1: 2001-12-14 is a date in YAML 1.1, which JSON doesn't have; in quotes it would be text");
}

TEST(ServerConfigurationTest, ListensOnEveryAddressOfEveryEntry) {
    const ServerConfiguration configuration =
        read(
            "server_name: hs\n"
            "listeners:\n"
            "  - {port: 1, bind_addresses: [127.0.0.1, '::1'], type: http, tls: false, resources: [{names: [client]}]}\n"
            "  - port: 0\n")
            .configuration;

    ASSERT_EQ(configuration.listeners.size(), 3U);
    EXPECT_EQ(configuration.listeners[1].to_string(), "[::1]:1");
    EXPECT_EQ(configuration.listeners[2].to_string(), "127.0.0.1:0");
    EXPECT_FALSE(configuration.listeners[0].is_for_metrics);
    EXPECT_FALSE(configuration.listeners[2].is_for_metrics);
}

TEST(ServerConfigurationTest, HasListenersForMetricsAlone) {
    const ServerConfiguration configuration =
        read("server_name: hs\nlisteners:\n  - port: 1\n  - {type: metrics, port: 2, bind_addresses: ['::1', 127.0.0.1]}\n")
            .configuration;
    ASSERT_EQ(configuration.listeners.size(), 3U);
    EXPECT_FALSE(configuration.listeners[0].is_for_metrics);
    EXPECT_TRUE(configuration.listeners[1].is_for_metrics);
    EXPECT_TRUE(configuration.listeners[2].is_for_metrics);
}

TEST(ServerConfigurationTest, EndsTheBaseUrlWithASlash) {
    const Read result = read("server_name: hs\npublic_baseurl: https://m.example.org\n");
    EXPECT_EQ(result.configuration.public_baseurl.url, "https://m.example.org/");
    EXPECT_TRUE(result.configuration.public_baseurl.is_given);
    EXPECT_TRUE(result.warnings.empty());
}

TEST(ServerConfigurationTest, QuotesWhatGoesToPostgresql) {
    const ServerConfiguration configuration =
        read(
            "server_name: hs\n"
            "database: {name: psycopg2, args: {host: db, port: 5433, user: u, password: \"a'b\\\\c d\", dbname: hs}}\n")
            .configuration;
    EXPECT_EQ(configuration.database.postgresql_connection,
              "host='db' user='u' password='a\\'b\\\\c d' dbname='hs' port='5433'");
}

TEST(ServerConfigurationTest, SaysToPostgresqlHowToCheckTheServerAndForHowLongToWait) {
    const Read result = read(
        "server_name: hs\n"
        "database: {name: psycopg2, args: {dbname: hs, sslmode: verify-full, sslrootcert: ca.pem, connect_timeout: 3, cp_min: "
        "1, "
        "cp_max: 9}}\n");
    EXPECT_EQ(result.configuration.database.postgresql_connection,
              "dbname='hs' sslmode='verify-full' sslrootcert='/etc/hs/ca.pem' connect_timeout='3'");
    EXPECT_EQ(result.configuration.database.postgresql_connections, 9U);
    EXPECT_TRUE(result.warnings.empty());
}

TEST(ServerConfigurationTest, ReadsHowLongADatabaseReadMayTake) {
    const auto limit = [](const std::string& section) {
        return read("server_name: hs\n" + section).configuration.database.read_limit;
    };
    EXPECT_EQ(limit(""), std::chrono::seconds(10));
    EXPECT_EQ(limit("database: {read_timeout: 2m}\n"), std::chrono::minutes(2));
    EXPECT_EQ(limit("database: {read_timeout: 500}\n"), std::chrono::milliseconds(500));
    EXPECT_EQ(limit("database: {read_timeout: none}\n"), std::nullopt);
}

TEST(ServerConfigurationTest, ReadsTheTimeForTheStartOfAModule) {
    EXPECT_EQ(read("server_name: hs\n").configuration.module_start_timeout_ms, 60'000);
    EXPECT_EQ(read("server_name: hs\nmodule_start_timeout: 10m\n").configuration.module_start_timeout_ms, 600'000);
}

TEST(ServerConfigurationTest, ReadsWhatCallbacksMayTake) {
    using std::chrono::milliseconds;
    const ServerConfiguration usual = read("server_name: hs\n").configuration;
    EXPECT_EQ(usual.callback_limits.slow_callback, milliseconds(1000));
    EXPECT_EQ(usual.callback_limits.callback_deadline, milliseconds(60'000));
    const Read given = read("server_name: hs\nslow_callback: 5s\ncallback_deadline: none\ninteraction_deadline: 5m\n");
    EXPECT_EQ(given.configuration.callback_limits.slow_callback, milliseconds(5000));
    EXPECT_EQ(given.configuration.callback_limits.callback_deadline, milliseconds(0));
    EXPECT_EQ(given.configuration.callback_limits.interaction_deadline, milliseconds(300'000));
    EXPECT_TRUE(given.warnings.empty());
}

TEST(ServerConfigurationTest, ReadsWhatWebResourcesMayTake) {
    using std::chrono::milliseconds;
    const ServerConfiguration usual = read("server_name: hs\n").configuration;
    EXPECT_EQ(usual.callback_limits.web_resource_deadline, milliseconds(60'000));
    EXPECT_EQ(usual.callback_limits.web_resource_requests, 100U);
    const Read given = read("server_name: hs\nweb_resource_deadline: 5m\nweb_resource_requests: 7\n");
    EXPECT_EQ(given.configuration.callback_limits.web_resource_deadline, milliseconds(300'000));
    EXPECT_EQ(given.configuration.callback_limits.web_resource_requests, 7U);
    EXPECT_TRUE(given.warnings.empty());
    EXPECT_EQ(read("server_name: hs\nweb_resource_deadline: none\n").configuration.callback_limits.web_resource_deadline,
              milliseconds(0));
    EXPECT_EQ(error_of("server_name: hs\nweb_resource_requests: 0\n"),
              "/etc/hs/homeserver.yaml:2: web_resource_requests: must be 1 to 1000000");
}

TEST(ServerConfigurationTest, ReadsHowManyDecisionsAreKept) {
    const ServerConfiguration usual = read("server_name: hs\n").configuration;
    EXPECT_EQ(usual.decisions.in_memory, 10'000U);
    EXPECT_EQ(usual.decisions.keep_ms, std::nullopt);
    const Read given = read("server_name: hs\nmodule_decisions: {in_memory: 500, keep: 7d}\n");
    EXPECT_EQ(given.configuration.decisions.in_memory, 500U);
    EXPECT_EQ(given.configuration.decisions.keep_ms, 7 * 24 * 3'600'000);
    EXPECT_TRUE(given.warnings.empty());
    EXPECT_EQ(read("server_name: hs\nmodule_decisions: {keep: none}\n").configuration.decisions.keep_ms, std::nullopt);
}

TEST(ServerConfigurationTest, ReadsWhereMailsGo) {
    const Read none = read("server_name: hs\n");
    EXPECT_FALSE(none.configuration.mail.smtp);
    EXPECT_FALSE(none.configuration.mail.sink);
    const Read sink = read("server_name: hs\nemail: {sink_path: mails, app_name: Chat}\n");
    EXPECT_EQ(sink.configuration.mail.sink, "/etc/hs/mails");
    EXPECT_EQ(sink.configuration.mail.app_name, "Chat");
    const Read smtp = read(
        "server_name: hs\nemail: {smtp_host: mail.example, smtp_user: me, smtp_pass: secret, smtp_ca_file: ca.pem,\n"
        "  notif_from: 'The %(app)s server <noreply@hs>', app_name: Chat, require_transport_security: true, smpt_port: 1}\n");
    EXPECT_EQ(smtp.configuration.mail.smtp->host, "mail.example");
    EXPECT_EQ(smtp.configuration.mail.smtp->port, 25);
    EXPECT_EQ(smtp.configuration.mail.smtp->user, "me");
    EXPECT_EQ(smtp.configuration.mail.smtp->password, "secret");
    EXPECT_EQ(smtp.configuration.mail.smtp->ca_file, "/etc/hs/ca.pem");
    EXPECT_TRUE(smtp.configuration.mail.smtp->require_transport_security);
    EXPECT_EQ(smtp.configuration.mail.from, "The Chat server <noreply@hs>");
    ASSERT_EQ(smtp.warnings.size(), 1U);
    EXPECT_TRUE(smtp.warnings[0].starts_with("/etc/hs/homeserver.yaml:3: email.smpt_port: ")) << smtp.warnings[0];
}

TEST(ServerConfigurationTest, TakesOneModuleFolderOrAList) {
    EXPECT_EQ(read("server_name: hs\nmodule_path: here\n").configuration.module_path,
              std::vector<std::filesystem::path>{"/etc/hs/here"});
    const std::vector<std::filesystem::path> both = {"/etc/hs/here", "/there"};
    EXPECT_EQ(read("server_name: hs\nmodule_path: [here, /there]\n").configuration.module_path, both);
}

TEST(ServerConfigurationTest, LooksForModulesOfPythonsWhereTheFileSaysSo) {
    EXPECT_FALSE(read("server_name: hs\n").configuration.python.has_value());
    EXPECT_FALSE(read("server_name: hs\npython: {path: [here]}\n").configuration.python.has_value());
    const auto python = read("server_name: hs\npython: {enabled: true, path: [here, /there], readable: [../etc], memory: 1G}\n")
                            .configuration.python;
    ASSERT_TRUE(python.has_value());
    EXPECT_EQ(python->path, (std::vector<std::filesystem::path>{"/etc/hs/here", "/there"}));
    EXPECT_EQ(python->readable, std::vector<std::filesystem::path>{"/etc/etc"});
    EXPECT_EQ(python->interpreter, "/usr/bin/python3");
    EXPECT_EQ(python->memory, 1024U * 1024 * 1024);
    EXPECT_EQ(error_of("server_name: hs\npython: {enabled: true, path: here}\n"),
              "/etc/hs/homeserver.yaml:2: python.path: must be a list, not a string");
    EXPECT_EQ(error_of("server_name: hs\npython: {enabled: false, memory: 1M}\n"),
              "/etc/hs/homeserver.yaml:2: python.memory: must be at least 64M");
}

TEST(ServerConfigurationTest, WarnsAboutEachUnknownKeyWithItsLine) {
    const Read result = read("server_name: hs\nsome_key: 1\ndatabase:\n  nmae: x\n");
    ASSERT_EQ(result.warnings.size(), 2U);
    EXPECT_TRUE(result.warnings[0].starts_with("/etc/hs/homeserver.yaml:4: database.nmae: ")) << result.warnings[0];
    EXPECT_TRUE(result.warnings[1].starts_with("/etc/hs/homeserver.yaml:2: some_key: ")) << result.warnings[1];
}

TEST(ServerConfigurationTest, LimitsRatesAsTheContractsServerDoes) {
    const homeserver::RateLimitSettings usual = read("server_name: hs\n").configuration.rate_limits;
    EXPECT_EQ(usual.message, (homeserver::RateLimit{0.2, 10}));
    EXPECT_EQ(usual.registration, (homeserver::RateLimit{0.17, 3}));
    EXPECT_EQ(usual.login_address, (homeserver::RateLimit{0.003, 5}));
    EXPECT_EQ(usual.login_account, (homeserver::RateLimit{0.003, 5}));
    EXPECT_EQ(usual.failed_logins, (homeserver::RateLimit{0.17, 3}));
    EXPECT_EQ(usual.local_joins, (homeserver::RateLimit{0.1, 10}));
    EXPECT_EQ(usual.remote_joins, (homeserver::RateLimit{0.01, 10}));
    EXPECT_EQ(usual.invites_per_room, (homeserver::RateLimit{0.3, 10}));
    EXPECT_EQ(usual.invites_per_user, (homeserver::RateLimit{0.003, 5}));
    EXPECT_EQ(usual.invites_per_issuer, (homeserver::RateLimit{0.3, 10}));
}

TEST(ServerConfigurationTest, ReadsRatesAndWarnsOfWhatItDoesNotKnowBelowThem) {
    const Read given = read(
        "server_name: hs\nrc_message: {per_second: 5, burst_count: 0}\nrc_registration: {per_second: 0}\n"
        "rc_login: {account: {burst_count: 7}, per_hour: 1}\n"
        "rc_invites:\n  per_user: {per_second: 1.5, burst_count: 2, brust: 3}\n");
    const homeserver::RateLimitSettings& limits = given.configuration.rate_limits;
    EXPECT_EQ(limits.message, (homeserver::RateLimit{5, 0}));
    EXPECT_FALSE(limits.message.is_unlimited());
    EXPECT_EQ(limits.registration, (homeserver::RateLimit{0, 3}));
    EXPECT_TRUE(limits.registration.is_unlimited());
    EXPECT_EQ(limits.login_account, (homeserver::RateLimit{0.003, 7}));
    EXPECT_EQ(limits.login_address, (homeserver::RateLimit{0.003, 5}));
    EXPECT_EQ(limits.invites_per_user, (homeserver::RateLimit{1.5, 2}));
    ASSERT_EQ(given.warnings.size(), 2U);
    EXPECT_TRUE(given.warnings[0].starts_with("/etc/hs/homeserver.yaml:4: rc_login.per_hour: ")) << given.warnings[0];
    EXPECT_TRUE(given.warnings[1].starts_with("/etc/hs/homeserver.yaml:6: rc_invites.per_user.brust: ")) << given.warnings[1];
}

struct BadConfiguration {
    const char* yaml;
    const char* line_and_place;
};

class BadServerConfigurationTest : public testing::TestWithParam<BadConfiguration> {};

TEST_P(BadServerConfigurationTest, IsRefusedWithLineAndPlace) {
    const std::string error = error_of(GetParam().yaml);
    EXPECT_TRUE(error.starts_with(std::string("/etc/hs/homeserver.yaml:") + GetParam().line_and_place)) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadServerConfigurationTest,
    testing::Values(
        BadConfiguration{"workers: 1\n", "1: server_name: is required"},
        BadConfiguration{"server_name: 5\n", "1: server_name: must be a string"},
        BadConfiguration{"server_name: a b\n", "1: server_name: must be a host name"},
        BadConfiguration{"server_name: hs\npublic_baseurl: ftp://x\n", "2: public_baseurl: must begin with"},
        BadConfiguration{"server_name: hs\nlisteners: 5\n", "2: listeners: must be a list"},
        BadConfiguration{"server_name: hs\nlisteners:\n  - {port: 1, type: replication}\n",
                         "3: listeners[0].type: must be http or metrics: this server has no other listeners"},
        BadConfiguration{"server_name: hs\nlisteners: []\n", "2: listeners: must have"},
        BadConfiguration{"server_name: hs\nlisteners:\n  - port: 1\n  - port: 99999\n",
                         "4: listeners[1].port: must be a port number"},
        BadConfiguration{"server_name: hs\nlisteners:\n  - {bind_addresses: ['::1']}\n", "3: listeners[0].port: is required"},
        BadConfiguration{"server_name: hs\nlisteners:\n  - port: 1\n    bind_addresses:\n      - 127.0.0.1\n      - here\n",
                         "6: listeners[0].bind_addresses[1]: is no IP address: here"},
        BadConfiguration{"server_name: hs\nlisteners:\n  - port: 1\n    tls: true\n", "4: listeners[0].tls: must be false"},
        BadConfiguration{"server_name: hs\ndatabase:\n  name: oracle\n", "3: database.name: must be sqlite3 or psycopg2"},
        BadConfiguration{"server_name: hs\ndatabase:\n  args:\n    database: [x]\n",
                         "4: database.args.database: must be a string"},
        BadConfiguration{"server_name: hs\ndatabase:\n  name: psycopg2\n  args:\n    cp_max: 0\n",
                         "5: database.args.cp_max: must be 1 to 100"},
        BadConfiguration{"server_name: hs\ndatabase:\n  read_timeout: soon\n", "3: database.read_timeout: must be a duration"},
        BadConfiguration{"server_name: hs\ndatabase:\n  read_timeout: 0\n",
                         "3: database.read_timeout: must be more than 0; none switches it off"},
        BadConfiguration{"server_name: hs\nmodule_start_timeout: soon\n", "2: module_start_timeout: must be a duration"},
        BadConfiguration{"server_name: hs\ncallback_deadline: 0\n", "2: callback_deadline: must be longer than 0"},
        BadConfiguration{"server_name: hs\ncallback_deadline: never\n", "2: callback_deadline: must be a duration"},
        BadConfiguration{"server_name: hs\nslow_callback: none\n", "2: slow_callback: must be a duration"},
        BadConfiguration{"server_name: hs\nenable_registration: true\n", "2: enable_registration: needs "},
        BadConfiguration{"server_name: hs\nregistration_shared_secret: ''\n",
                         "2: registration_shared_secret: must not be empty"},
        BadConfiguration{"server_name: hs\nworkers: 0\n", "2: workers: must be 1 to"},
        BadConfiguration{"server_name: hs\nbackground_updates:\n  min_batch_size: 0\n",
                         "3: background_updates.min_batch_size: must be at least 1"},
        BadConfiguration{"server_name: hs\nmodule_decisions:\n  in_memory: 0\n",
                         "3: module_decisions.in_memory: must be 1 to "},
        BadConfiguration{"server_name: hs\nmodule_decisions:\n  keep: soon\n", "3: module_decisions.keep: must be "},
        BadConfiguration{"server_name: hs\nmodule_decisions:\n  keep: 0\n", "3: module_decisions.keep: must be longer than 0"},
        BadConfiguration{"server_name: hs\nbackground_updates:\n  sleep_enabled: often\n",
                         "3: background_updates.sleep_enabled: must be "},
        BadConfiguration{"server_name: hs\nlogin_via_existing_session:\n  token_timeout: soon\n",
                         "3: login_via_existing_session.token_timeout: must be a duration"},
        BadConfiguration{"server_name: hs\nemail: 5\n", "2: email: must be a mapping"},
        BadConfiguration{"server_name: hs\nemail:\n  sink_path: 5\n", "3: email.sink_path: must be a string"},
        BadConfiguration{"server_name: hs\nemail:\n  sink_path: x\n  smtp_host: y\n", "3: email.sink_path: can't be beside"},
        BadConfiguration{"server_name: hs\nemail:\n  smtp_host: 'a/b'\n", "3: email.smtp_host: must be a host name"},
        BadConfiguration{"server_name: hs\nemail:\n  smtp_port: 25\n", "2: email.smtp_host: is required beside smtp_port"},
        BadConfiguration{"server_name: hs\nemail:\n  smtp_host: y\n", "2: email.notif_from: is required"},
        BadConfiguration{"server_name: hs\nemail:\n  smtp_host: y\n  notif_from: somebody\n",
                         "4: email.notif_from: must be a mail address"},
        BadConfiguration{"server_name: hs\nemail:\n  smtp_host: y\n  smtp_port: 0\n", "4: email.smtp_port: must be a port"},
        BadConfiguration{"server_name: hs\nemail:\n  smtp_host: y\n  smtp_user: me\n",
                         "2: email.smtp_pass: is required beside smtp_user"},
        BadConfiguration{"server_name: hs\nrc_message: 5\n", "2: rc_message: must be a mapping"},
        BadConfiguration{"server_name: hs\nrc_message:\n  per_second: -1\n",
                         "3: rc_message.per_second: must be 0, which is no "},
        BadConfiguration{"server_name: hs\nrc_message:\n  per_second: often\n", "3: rc_message.per_second: must be a number"},
        BadConfiguration{"server_name: hs\nrc_message:\n  per_second: .inf\n",
                         "3: rc_message.per_second: must be 0, which is no limit, or a finite number above it"},
        BadConfiguration{"server_name: hs\nrc_message:\n  per_second: .nan\n",
                         "3: rc_message.per_second: must be 0, which is no limit, or a finite number above it"},
        BadConfiguration{"server_name: hs\nrc_registration:\n  burst_count: 1.5\n",
                         "3: rc_registration.burst_count: must be an integer"},
        BadConfiguration{"server_name: hs\nrc_joins:\n  remote:\n    burst_count: -1\n",
                         "4: rc_joins.remote.burst_count: must be 0 or more"},
        BadConfiguration{"server_name: hs\nrc_login: {address: [1]}\n", "2: rc_login.address: must be a mapping"},
        BadConfiguration{"server_name: hs\nip_range_blocklist: [abc]\n", "2: ip_range_blocklist: "},
        BadConfiguration{"server_name: hs\nhttp_proxy: 'ftp://me:secret@proxy'\n", "2: http_proxy: must be a proxy"},
        BadConfiguration{"server_name: hs\nhttps_proxy: 'proxy:99999'\n", "2: https_proxy: must be a proxy"},
        BadConfiguration{"server_name: hs\nno_proxy_hosts: example.org\n", "2: no_proxy_hosts: must be a list"},
        BadConfiguration{"server_name: hs\nno_proxy_hosts: [10.0.0.0/99]\n", "2: no_proxy_hosts: "}));

TEST(ServerConfigurationTest, ReadsTheProxiesAndNeverRepeatsTheirPasswords) {
    const ServerConfiguration said =
        read("server_name: hs\nhttp_proxy: me:secret@proxy:8080\nhttps_proxy: proxy\nno_proxy_hosts: [example.org]\n")
            .configuration;
    EXPECT_EQ(said.http_client.http_proxy, "me:secret@proxy:8080");
    EXPECT_EQ(said.http_client.https_proxy, "proxy");
    EXPECT_EQ(said.http_client.no_proxy_hosts, std::vector<std::string>{"example.org"});
    EXPECT_EQ(read("server_name: hs\n").configuration.http_client.http_proxy, "");
    EXPECT_EQ(error_of("server_name: hs\nhttp_proxy: 'http://me:secret@proxy/path'\n").find("secret"), std::string::npos);
}

TEST(ServerConfigurationTest, ReadsHowMuchCachesKeep) {
    const modapi::CacheSettings usual = read("server_name: hs\n").configuration.caches;
    EXPECT_EQ(usual.global_factor, 1.0);
    EXPECT_EQ(usual.cache_entry_ttl, std::chrono::minutes(30));
    const Read said = read(
        "server_name: hs\n"
        "caches:\n"
        "  global_factor: 2\n"
        "  per_cache_factors: {get_Department-for_user: 0.5, other: 0}\n"
        "  cache_entry_ttl: 5m\n"
        "  sync_response_cache_duration: 2m\n");
    EXPECT_EQ(said.configuration.caches.global_factor, 2.0);
    EXPECT_EQ(said.configuration.caches.per_cache_factors,
              (std::map<std::string, double>{{"get_departmentfor_user", 0.5}, {"other", 0.0}}));
    EXPECT_EQ(said.configuration.caches.cache_entry_ttl, std::chrono::minutes(5));
    EXPECT_EQ(said.warnings,
              std::vector<std::string>{"/etc/hs/homeserver.yaml:6: caches.sync_response_cache_duration: is no key that this "
                                       "server knows; it has no effect"});
    EXPECT_FALSE(read("server_name: hs\ncaches: {expire_caches: false}\n").configuration.caches.cache_entry_ttl.has_value());
}

TEST(ServerConfigurationTest, NamesWhatIsWrongWithCaches) {
    const std::string name = "server_name: hs\ncaches:\n";
    const std::string place = "/etc/hs/homeserver.yaml:";
    EXPECT_EQ(error_of(name + "  global_factor: much\n"), place + "3: caches.global_factor: must be a number, not a string");
    EXPECT_EQ(error_of(name + "  global_factor: -1\n"),
              place + "3: caches.global_factor: must be a number that isn't negative");
    EXPECT_EQ(error_of(name + "  per_cache_factors:\n    ok: 1\n    f: true\n"),
              place + "5: caches.per_cache_factors.f: must be a number, not a boolean");
    EXPECT_EQ(error_of(name + "  per_cache_factors: 3\n"),
              place + "3: caches.per_cache_factors: must be a mapping, not a number");
    EXPECT_EQ(error_of(name + "  per_cache_factors: {a.b: 1, ab: 2}\n"),
              place + "3: caches.per_cache_factors.ab: is the name of the same function as a key before it");
    EXPECT_EQ(error_of(name + "  cache_entry_ttl: 0\n"),
              place + "3: caches.cache_entry_ttl: must be more than nothing; expire_caches: false keeps entries for ever");
    EXPECT_EQ(
        error_of(name + "  cache_entry_ttl: soon\n"),
        place + "3: caches.cache_entry_ttl: must be a duration: milliseconds, or a number with s, m, h, d, w or y behind it");
    EXPECT_EQ(error_of(name + "  expire_caches: often\n"), place + "3: caches.expire_caches: must be a boolean, not a string");
}

}  // namespace
