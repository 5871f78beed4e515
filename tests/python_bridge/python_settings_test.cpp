#include <modapi/hosting/python_settings.h>

#include <callbacks/errors.h>

#include <gtest/gtest.h>

#include <string>

/// The section `python:`.
namespace {

using modapi::ConfigSection;
using modapi::PythonSettings;

std::optional<PythonSettings> settings_of(const char* json) {
    return PythonSettings::of(ConfigSection(boost::json::parse(json).as_object()));
}

std::string error_of(const char* json) {
    try {
        static_cast<void>(settings_of(json));
    } catch (const callbacks::ConfigError& error) {
        std::string place;
        for (const std::string& part : error.path()) place += part + ": ";
        return place + error.what();
    }
    return "nothing was thrown";
}

TEST(PythonSettingsTest, AreNoneUnlessTheSectionEnablesThem) {
    EXPECT_FALSE(settings_of("{}"));
    EXPECT_FALSE(settings_of(R"({"enabled": false, "path": ["/srv/modules"]})"));
    EXPECT_TRUE(settings_of(R"({"enabled": true})"));
}

TEST(PythonSettingsTest, SayWhereModulesAreAndHowTheyRun) {
    const std::optional<PythonSettings> settings = settings_of(
        R"({"enabled": true, "path": ["/srv/modules", "/srv/venv"], "interpreter": "/opt/python", "user": "modules",
            "memory": "1G", "readable": ["/etc/modules"], "writable": ["/var/modules"], "construction_limit": "30s"})");
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->path, (std::vector<std::filesystem::path>{"/srv/modules", "/srv/venv"}));
    EXPECT_EQ(settings->interpreter, "/opt/python");
    EXPECT_EQ(settings->user, "modules");
    EXPECT_EQ(settings->memory, 1024UL * 1024 * 1024);
    EXPECT_EQ(settings->readable, std::vector<std::filesystem::path>{"/etc/modules"});
    EXPECT_EQ(settings->writable, std::vector<std::filesystem::path>{"/var/modules"});
    EXPECT_EQ(settings->construction_limit, std::chrono::seconds(30));
    EXPECT_TRUE(std::filesystem::exists(settings->folder / "modapi_bridge" / "__main__.py"));
}

TEST(PythonSettingsTest, HaveUsualOnesForWhatIsNotSaid) {
    const std::optional<PythonSettings> settings = settings_of(R"({"enabled": true})");
    EXPECT_EQ(settings->interpreter, "/usr/bin/python3");
    EXPECT_EQ(settings->memory, 512UL * 1024 * 1024);
    EXPECT_FALSE(settings->user);
    EXPECT_EQ(settings->construction_limit, std::chrono::seconds(10));
}

TEST(PythonSettingsTest, AreRefusedWithTheirPlace) {
    EXPECT_EQ(error_of(R"({"enabled": true, "path": ["modules"]})"), "path: must have absolute paths, not modules");
    EXPECT_EQ(error_of(R"({"enabled": true, "interpreter": "python3"})"), "interpreter: must be an absolute path");
    EXPECT_EQ(error_of(R"({"enabled": true, "memory": "1M"})"), "memory: must be at least 64M");
    EXPECT_EQ(error_of(R"({"enabled": true, "construction_limit": 0})"), "construction_limit: must be more than 0");
    EXPECT_EQ(error_of(R"({"enable": true})").substr(0, 8), "enable: ") << "also where it isn't enabled";
}

}  // namespace
