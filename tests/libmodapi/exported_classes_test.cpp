#include "temporary_folder.h"

#include <modapi/hosting/exported_classes.h>
#include <modapi/testing/assertions.h>
#include <modapi/testing/host.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// What a program does that is given a module's library and not its class: it reads which classes there are, and loads one into
/// the test kit's host.
namespace {

using modapi::ConfiguredModule;
using modapi::ModuleLoadError;
using Names = std::vector<std::string>;

const std::filesystem::path libraries = TEST_MODULES;

std::string refusal_of(const std::filesystem::path& library) {
    try {
        static_cast<void>(modapi::exported_classes(library));
    } catch (const ModuleLoadError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

std::vector<ConfiguredModule> configured(const std::string& yaml) {
    modapi::ModuleResolver resolver({libraries});
    const modapi::ConfigurationFile file = modapi::ConfigurationFile::parse(yaml, "homeserver.yaml");
    return modapi::configure_modules(file, resolver, [](const std::string&) {});
}

TEST(ExportedClassesTest, AreThoseOfALibraryInAlphabeticalOrder) {
    EXPECT_EQ(modapi::exported_classes(libraries / "good_module.so"), (Names{"GoodModule", "SecondModule"}));
}

TEST(ExportedClassesTest, AreReadWithoutThatAnythingInTheLibraryRuns) {
    const TemporaryFolder folder;
    setenv("TRACE_FILE", folder.file("trace").c_str(), 1);
    EXPECT_EQ(modapi::exported_classes(libraries / "other_options_module.so"), Names{"MarkedModule"});
    unsetenv("TRACE_FILE");
    EXPECT_FALSE(std::filesystem::exists(folder.file("trace")));
}

TEST(ExportedClassesTest, AreRefusedOfALibraryThatNoHostWouldLoad) {
    const auto file = [](const char* name) { return (libraries / name).string(); };
    EXPECT_TRUE(refusal_of(file("unmarked_module.so")).starts_with(file("unmarked_module.so") + " is not a module library"));
    EXPECT_NE(refusal_of(file("foreign_module.so")).find("has another binary interface"), std::string::npos);
    EXPECT_NE(refusal_of(file("changed_headers_module.so")).find("was built against other headers"), std::string::npos);
    EXPECT_NE(refusal_of(file("copying_module.so")).find("brings its own copy of the framework"), std::string::npos);
    EXPECT_EQ(refusal_of("gone.so"), "gone.so can't be read: No such file or directory");
    const TemporaryFolder folder;
    std::ofstream(folder.file("text.so")) << "a text";
    EXPECT_NE(refusal_of(folder.file("text.so")).find("is not a shared library"), std::string::npos);
}

TEST(LoadConfiguredTest, LoadsAModuleOfALibraryAndStartsIt) {
    modapi::testing::Host host;
    host.load_configured(configured("modules: [{module: good_module.GoodModule}, {module: good_module.SecondModule}]"));
    const auto statistics = host.worker().module_statistics();
    ASSERT_EQ(statistics.size(), 2);
    EXPECT_EQ(statistics[0].module, "good_module.GoodModule");
    EXPECT_EQ(statistics[0].library, (libraries / "good_module.so").string());
    EXPECT_THROW(host.load_configured({}), std::logic_error);
    EXPECT_THROW(host.load_added(), std::logic_error);
}

class Unbuildable {
public:
    Unbuildable(const modapi::ConfigSection&, modapi::ModuleApi&) { throw std::runtime_error("can't be built"); }
};

TEST(LoadConfiguredTest, FailsAsAHostDoesWithThePlaceInTheFile) {
    modapi::ModuleResolver resolver({});
    resolver.add<Unbuildable>("a.Unbuildable");
    const modapi::ConfigurationFile file =
        modapi::ConfigurationFile::parse("\nmodules:\n  - module: a.Unbuildable\n", "my.yaml");
    modapi::testing::Host host;
    try {
        host.load_configured(modapi::configure_modules(file, resolver, [](const std::string&) {}));
        FAIL() << "nothing was thrown";
    } catch (const modapi::ConfigurationError& error) {
        EXPECT_TRUE(std::string(error.what()).starts_with("my.yaml:3: modules[0]: ")) << error.what();
        EXPECT_NE(std::string(error.what()).find("can't be built"), std::string::npos) << error.what();
    }
    EXPECT_TRUE(host.worker().module_statistics().empty());
}

}  // namespace
