#include "temporary_folder.h"

#include <modapi/hosting/module_resolver.h>
#include <modapi/module_api.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

using modapi::ConfiguredModule;
using modapi::ModuleResolver;

struct Kept {
    Kept() = default;
    Kept(const modapi::ConfigSection&, modapi::ModuleApi&) {}
    int counted = 0;
    callbacks::JsonDict save() {
        callbacks::JsonDict state;
        state["counted"] = counted;
        return state;
    }
    void restore(const callbacks::JsonDict& saved) { counted = static_cast<int>(saved.at("counted").as_int64()); }
};
struct OtherKept {
    OtherKept(const modapi::ConfigSection&, modapi::ModuleApi&) {}
};

std::vector<ConfiguredModule> read_modules(const std::string& yaml, ModuleResolver& resolver) {
    const auto file = modapi::ConfigurationFile::parse("modules:\n" + yaml, "homeserver.yaml");
    return modapi::configure_modules(file, resolver, [](const std::string&) {});
}

std::vector<ConfiguredModule> built_in(const std::string& yaml) {
    ModuleResolver resolver({});
    resolver.add<Kept>("my.Kept");
    resolver.add<OtherKept>("my.OtherKept");
    return read_modules(yaml, resolver);
}

/// Whether the first entry of either list needs no other instance than that of the other one.
bool are_same(const std::string& yaml, const std::string& other) {
    return built_in(yaml).front().is_same_as(built_in(other).front());
}

TEST(KeptModulesTest, AreThoseWhoseEntriesSayTheSameWhereverTheyStand) {
    const std::string entry =
        "  - {module: my.Kept, config: {list: [1, two], text: a}, callbacks: {deadline: 2s, mode: off}}\n";
    EXPECT_TRUE(are_same(entry, entry));
    EXPECT_TRUE(are_same(entry,
                         "  - module: my.Kept\n    callbacks: {mode: false, deadline: 2000ms}\n"
                         "    config:\n      text: a\n      list: [1, two]\n"));
    const std::vector<ConfiguredModule> before = built_in(entry);
    const std::vector<ConfiguredModule> moved = built_in("  - {module: my.OtherKept}\n" + entry);
    EXPECT_TRUE(before.front().is_same_as(moved.back()));
    EXPECT_FALSE(before.front().is_same_as(moved.front()));
}

TEST(KeptModulesTest, TakeNoConfigurationForAnEmptyOne) {
    EXPECT_TRUE(are_same("  - {module: my.Kept}\n", "  - {module: my.Kept, config: null, callbacks: null}\n"));
    EXPECT_TRUE(are_same("  - {module: my.Kept, config: {}}\n", "  - {module: my.Kept, callbacks: {}}\n"));
    EXPECT_FALSE(are_same("  - {module: my.Kept}\n", "  - {module: my.Kept, config: {text: null}}\n"));
}

TEST(KeptModulesTest, AreNotThoseOfAnotherClassConfigurationOrRule) {
    const std::string entry = "  - {module: my.Kept, config: {list: [1, 2]}, callbacks: {breaker: {failures: 5}}}\n";
    EXPECT_FALSE(are_same(entry, "  - {module: my.OtherKept, config: {list: [1, 2]}, callbacks: {breaker: {failures: 5}}}\n"));
    EXPECT_FALSE(are_same(entry, "  - {module: my.Kept, config: {list: [2, 1]}, callbacks: {breaker: {failures: 5}}}\n"));
    EXPECT_FALSE(are_same(entry, "  - {module: my.Kept, config: {list: [1, \"2\"]}, callbacks: {breaker: {failures: 5}}}\n"));
    EXPECT_FALSE(are_same(entry, "  - {module: my.Kept, callbacks: {breaker: {failures: 5}}}\n"));
    EXPECT_FALSE(are_same(entry, "  - {module: my.Kept, config: {list: [1, 2]}, callbacks: {breaker: {failures: 6}}}\n"));
    EXPECT_FALSE(are_same(entry, "  - {module: my.Kept, config: {list: [1, 2]}}\n"));
    EXPECT_FALSE(are_same(entry,
                          "  - {module: my.Kept, config: {list: [1, 2]}, callbacks: {breaker: {failures: 5}, "
                          "check_event_for_spam: {deadline: 1s}}}\n"));
    EXPECT_FALSE(are_same("  - {module: my.Kept}\n", "  - {module: my.Kept, callbacks: {order: 1}}\n"));
}

TEST(KeptModulesTest, AreNotThoseOfAnotherClassThatIsCompiledInUnderTheName) {
    ModuleResolver resolver({});
    resolver.add<OtherKept>("my.Kept");
    const std::string entry = "  - {module: my.Kept}\n";
    EXPECT_FALSE(built_in(entry).front().is_same_as(read_modules(entry, resolver).front()));
}

TEST(KeptModulesTest, AreNotThoseWhoseLibraryWasReplaced) {
    const TemporaryFolder folder;
    const auto replace = [&](const std::string& by) {
        std::filesystem::copy_file(std::filesystem::path(TEST_MODULES) / by, folder.file("new"));
        std::filesystem::rename(folder.file("new"), folder.file("versioned.so"));
    };
    const auto read = [&] {
        ModuleResolver resolver({folder.path()});
        return read_modules("  - {module: versioned.Versioned}\n", resolver).front();
    };
    replace("version_1.so");
    const ConfiguredModule before = read();
    EXPECT_TRUE(before.is_same_as(read()));
    replace("version_2.so");
    const ConfiguredModule replaced = read();
    EXPECT_FALSE(before.is_same_as(replaced));
    EXPECT_TRUE(replaced.is_same_as(read()));
}

TEST(KeptModulesTest, HandOnWhatTheyHoldInMemory) {
    const modapi::ModuleDefinition definition = modapi::definition_of<Kept>();
    Kept old;
    Kept successor;
    old.counted = 7;
    definition.restore(&successor, definition.save(&old));
    EXPECT_EQ(successor.counted, 7);
    const modapi::ModuleDefinition forgetful = modapi::definition_of<OtherKept>();
    EXPECT_EQ(forgetful.save, nullptr);
    EXPECT_EQ(forgetful.restore, nullptr);
}

}  // namespace
