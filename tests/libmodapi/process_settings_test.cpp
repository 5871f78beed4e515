#include <modapi/hosting/configuration.h>
#include <modapi/hosting/configuration_reader.h>
#include <modapi/hosting/process_name.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// What a configuration says of a server's processes.
namespace {

std::string on_postgresql(const std::string& yaml) { return "database: {name: postgresql}\n" + yaml; }

struct ReadProcess {
    modapi::ProcessSettings settings;
    std::vector<std::string> warnings;
};

ReadProcess read_process(const std::string& yaml) {
    ReadProcess read;
    const auto file = modapi::ConfigurationFile::parse(yaml, "/etc/hs/hs.yaml");
    const modapi::ConfigurationReader reader(file, [&](const std::string& line) { read.warnings.push_back(line); });
    read.settings = reader.process("hs.worker");
    return read;
}

std::string process_error(const std::string& yaml) {
    try {
        static_cast<void>(read_process(yaml));
    } catch (const modapi::ConfigurationError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(ProcessSettingsTest, AreThoseOfTheOneProcessWhereNothingIsSaid) {
    const modapi::ProcessSettings settings = read_process("workers: 1\n").settings;
    EXPECT_EQ(settings.worker_name, std::nullopt);
    EXPECT_EQ(settings.worker_app, "hs.worker");
    EXPECT_EQ(settings.run_background_tasks_on, std::nullopt);
    EXPECT_FALSE(settings.redis.has_value());
    EXPECT_FALSE(read_process("redis: {host: cache}\n").settings.redis.has_value()) << "it isn't enabled";
}

TEST(ProcessSettingsTest, NameTheProcessAndWhoDoesTheBackgroundWork) {
    const modapi::ProcessSettings settings =
        read_process(on_postgresql("worker_name: sync-1.b_C\nworker_app: my.app\nrun_background_tasks_on: main\n")).settings;
    EXPECT_EQ(settings.worker_name, "sync-1.b_C");
    EXPECT_EQ(settings.worker_app, "my.app");
    EXPECT_EQ(settings.run_background_tasks_on, "main");
}

TEST(ProcessSettingsTest, RefuseNamesThatAreNoneAndSayWhy) {
    const std::string characters = "must be 1 to 64 letters, digits, dots, hyphens and underscores";
    const std::string too_long(65, 'a');
    for (const std::string& name : std::vector<std::string>{"''", "'a b'", "a/b", "ä", too_long})
        EXPECT_EQ(process_error(on_postgresql("worker_name: " + name + "\n")), "/etc/hs/hs.yaml:2: worker_name: " + characters);
    EXPECT_EQ(process_error(on_postgresql("worker_name: 7\n")),
              "/etc/hs/hs.yaml:2: worker_name: must be a string, not a number");
    EXPECT_EQ(
        process_error(on_postgresql("worker_name: main\n")),
        "/etc/hs/hs.yaml:2: worker_name: must be another name: \"main\" is what the process without worker_name is called");
    for (const std::string word : {"all", "background"}) {
        const std::string refusal = "must be another name: \"" + word + "\" is a word of run_on, which doesn't mean a process";
        EXPECT_EQ(process_error(on_postgresql("worker_name: " + word + "\n")), "/etc/hs/hs.yaml:2: worker_name: " + refusal);
        EXPECT_EQ(process_error(on_postgresql("run_background_tasks_on: " + word + "\n")),
                  "/etc/hs/hs.yaml:2: run_background_tasks_on: " + refusal);
    }
    EXPECT_EQ(modapi::refusal_of_process_name(std::string(64, 'a')), "");
}

TEST(ProcessSettingsTest, NeedPostgresqlForMoreThanOneProcess) {
    const std::string why =
        ": is for several processes, and a second process needs PostgreSQL: a database of SQLite is one process's";
    EXPECT_EQ(process_error("worker_name: a\n"), "/etc/hs/hs.yaml:1: worker_name" + why);
    EXPECT_EQ(process_error("database: {name: sqlite3}\nrun_background_tasks_on: a\n"),
              "/etc/hs/hs.yaml:2: run_background_tasks_on" + why);
    EXPECT_EQ(process_error("redis:\n  enabled: true\n"), "/etc/hs/hs.yaml:2: redis.enabled" + why);
    EXPECT_EQ(process_error("database: {name: psycopg2}\nworker_name: a\n"), "nothing was thrown");
}

TEST(ProcessSettingsTest, SayHowRedisIsReached) {
    const ReadProcess usual = read_process(on_postgresql("redis: {enabled: true}\n"));
    ASSERT_TRUE(usual.settings.redis.has_value());
    EXPECT_EQ(usual.settings.redis->host, "localhost");
    EXPECT_EQ(usual.settings.redis->port, 6379);
    EXPECT_EQ(usual.settings.redis->password, "");
    EXPECT_EQ(usual.settings.redis->dbid, 0);
    EXPECT_FALSE(usual.settings.redis->use_tls);
    EXPECT_EQ(usual.settings.redis->ca_file, "");
    const ReadProcess all =
        read_process(on_postgresql("redis: {enabled: true, host: cache, port: 7, password: p, dbid: 3, use_tls: true, "
                                   "ca_file: ca.pem, cluster: true}\n"));
    ASSERT_TRUE(all.settings.redis.has_value());
    EXPECT_EQ(all.settings.redis->host, "cache");
    EXPECT_EQ(all.settings.redis->port, 7);
    EXPECT_EQ(all.settings.redis->password, "p");
    EXPECT_EQ(all.settings.redis->dbid, 3);
    EXPECT_TRUE(all.settings.redis->use_tls);
    EXPECT_EQ(all.settings.redis->ca_file, "/etc/hs/ca.pem");
    EXPECT_EQ(all.warnings,
              std::vector<std::string>{"/etc/hs/hs.yaml:2: redis.cluster: is no key that this server knows; it has no effect"});
}

TEST(ProcessSettingsTest, SayWhatIsWrongWithRedisWithoutThePassword) {
    const auto redis_error = [](const std::string& keys) { return process_error("redis: {" + keys + "}\n"); };
    EXPECT_EQ(redis_error("port: 0"), "/etc/hs/hs.yaml:1: redis.port: must be a port number, 1 to 65535");
    EXPECT_EQ(redis_error("port: 65536"), "/etc/hs/hs.yaml:1: redis.port: must be a port number, 1 to 65535");
    EXPECT_EQ(redis_error("host: ''"),
              "/etc/hs/hs.yaml:1: redis.host: must be a host name, an IP address, or the path of a socket");
    EXPECT_EQ(redis_error("host: /run/redis.sock, use_tls: true"),
              "/etc/hs/hs.yaml:1: redis.use_tls: must be false beside a host that is the path of a socket");
    EXPECT_EQ(redis_error("dbid: -1"), "/etc/hs/hs.yaml:1: redis.dbid: must not be negative");
    EXPECT_EQ(redis_error("password: [hush]"), "/etc/hs/hs.yaml:1: redis.password: must be a string, not a list");
    EXPECT_EQ(redis_error("ca_file: ca.pem"),
              "/etc/hs/hs.yaml:1: redis.ca_file: needs use_tls: true beside it: without, nobody's "
              "certificate is looked at");
}

}  // namespace
