#include "temporary_folder.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/configuration_reader.h>
#include <modapi/hosting/module_resolver.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

/// A configuration that lies in several files.
namespace {

using modapi::ConfigurationError;
using modapi::ConfigurationFile;

class ConfigurationFilesTest : public testing::Test {
protected:
    ConfigurationFilesTest() {
        std::filesystem::create_directory(folder.path() / "shared");
        std::filesystem::create_directory(folder.path() / "own");
    }
    [[nodiscard]] std::filesystem::path shared(const std::string& yaml) const {
        return folder.write("shared/common.yaml", yaml);
    }
    [[nodiscard]] std::filesystem::path own(const std::string& yaml) const { return folder.write("own/worker.yaml", yaml); }
    [[nodiscard]] ConfigurationFile load(const std::string& common, const std::string& of_worker) const {
        const std::vector<std::filesystem::path> files = {shared(common), own(of_worker)};
        return ConfigurationFile::load(files);
    }
    /// Without the folder that everything lies in.
    [[nodiscard]] std::string shortened(std::string text) const {
        const std::string root = folder.path().string() + "/";
        for (std::size_t at = text.find(root); at != std::string::npos; at = text.find(root)) text.erase(at, root.size());
        return text;
    }
    template <class Function>
    [[nodiscard]] std::string error_of(Function&& function) const {
        try {
            function();
        } catch (const ConfigurationError& error) {
            return shortened(error.what());
        }
        return "nothing was thrown";
    }

    TemporaryFolder folder;
};

TEST_F(ConfigurationFilesTest, TakeTheirTopLevelKeysFromTheLastFileThatHasThemAsAWhole) {
    const ConfigurationFile file =
        load("caches: {global_factor: 2, expire_caches: false}\nworkers: 1\nlisteners: [{port: 1}, {port: 2}]\n",
             "listeners:\n  - port: 3\ncaches: {global_factor: 3}\nworker_name: a\n");
    EXPECT_EQ(boost::json::serialize(file.root()),
              R"({"caches":{"global_factor":3},"workers":1,"listeners":[{"port":3}],"worker_name":"a"})");
}

TEST_F(ConfigurationFilesTest, NameTheFileAndTheLineInItOfEachKey) {
    const ConfigurationFile file =
        load("workers: 1\nlisteners: [{port: 1}, {port: 2}]\nemail: {}\n", "# own\n\nlisteners:\n  - port: 3\n");
    EXPECT_EQ(shortened(file.describe({"workers"}, "is bad")), "shared/common.yaml:1: workers: is bad");
    EXPECT_EQ(shortened(file.describe({"listeners", "0", "port"}, "is bad")), "own/worker.yaml:4: listeners[0].port: is bad");
    EXPECT_EQ(shortened(file.describe({"email", "smtp_host"}, "is required")),
              "shared/common.yaml:3: email.smtp_host: is required");
    EXPECT_EQ(shortened(file.describe({"listeners", "1"}, "isn't there any more")),
              "own/worker.yaml:3: listeners[1]: isn't there any more");
    EXPECT_EQ(shortened(file.describe({"server_name"}, "is required")), "shared/common.yaml:1: server_name: is required");
    EXPECT_EQ(shortened(file.describe({}, "is bad")), "shared/common.yaml:1: is bad");
    EXPECT_EQ(file.names().size(), 2U);
}

TEST_F(ConfigurationFilesTest, AreEachReadBeforeTheyAreOne) {
    EXPECT_EQ(error_of([&] { static_cast<void>(load("a: 1\n", "b: 1\nb: 2\n")); }),
              "own/worker.yaml:2: the key b is there twice, first in line 1");
    EXPECT_EQ(error_of([&] { static_cast<void>(load("a: &x 1\n", "b: *x\n")); }),
              "own/worker.yaml:1: isn't YAML: nothing above is named &x");
    EXPECT_EQ(error_of([&] { static_cast<void>(load("a: 1\n", "")); }),
              "own/worker.yaml:1: the configuration must be a mapping of keys to values");
    EXPECT_EQ(error_of([&] {
                  const std::vector<std::filesystem::path> files = {shared("a: 1\n"), folder.path() / "own/none.yaml"};
                  static_cast<void>(ConfigurationFile::load(files));
              }),
              "own/none.yaml: can't be read: No such file or directory");
    EXPECT_THROW(static_cast<void>(ConfigurationFile::load(std::vector<std::filesystem::path>())), std::invalid_argument);
}

TEST_F(ConfigurationFilesTest, MeanRelativePathsFromTheFolderOfTheFileThatTheyStandIn) {
    const ConfigurationFile file = load("database: {args: {database: data.db}}\nmodule_path: [modules, /opt/modules]\n",
                                        "module_path: [own, /opt/modules]\nredis: {enabled: false}\n");
    const modapi::ConfigurationReader reader(file, [](const std::string& line) { ADD_FAILURE() << line; });
    EXPECT_EQ(shortened(reader.database().database), "shared/data.db");
    const std::vector<std::filesystem::path> folders = reader.module_path("usual");
    ASSERT_EQ(folders.size(), 2U);
    EXPECT_EQ(shortened(folders[0]), "own/own");
    EXPECT_EQ(folders[1], "/opt/modules");
    EXPECT_EQ(shortened(file.located({"nowhere"}, "x")), "shared/x");
}

TEST_F(ConfigurationFilesTest, SayOfAModuleWhichFileItsEntryStandsIn) {
    const auto configure = [&](const ConfigurationFile& file) {
        modapi::ModuleResolver resolver({});
        static_cast<void>(modapi::configure_modules(file, resolver, [](const std::string&) {}));
    };
    EXPECT_EQ(error_of([&] { configure(load("modules: []\n", "\nmodules:\n  - module: 7\n")); }),
              "own/worker.yaml:3: modules[0].module: must be a string");
    EXPECT_EQ(error_of([&] { configure(load("modules:\n  - module: 7\n", "workers: 2\n")); }),
              "shared/common.yaml:2: modules[0].module: must be a string");
}

}  // namespace
