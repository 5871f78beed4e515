#include "log_capture.h"
#include "temporary_folder.h"
#include "worker_under_test.h"

#include <modapi/hosting/module_loader.h>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Modules that are neither compiled in nor libraries.
namespace {

using callbacks::JsonDict;
using modapi::ConfigSection;
using modapi::ConfiguredModule;
using modapi::FoundModule;
using modapi::ModuleApi;
using modapi::ModuleDefinition;
using modapi::ModuleLoadError;
using modapi::ModuleResolver;
using Lines = std::vector<std::string>;

/// A module of a very small language: what it answers to those who want a room.
struct Script {
    std::string name;
    bool refuses = false;
};

/// All scripts are instances of this class.
class Scripted {
public:
    struct Config {
        std::shared_ptr<const Script> script;
        std::string greeting;
    };
    static Config parse_config(const ConfigSection& config) {
        config.refuse_unknown_keys({"greeting"});
        Config parsed;
        parsed.greeting = config.value_or<std::string>("greeting", "hello");
        return parsed;
    }
    Scripted(Config config, ModuleApi& api) : config_(std::move(config)) {
        callbacks::SpamChecker spam;
        spam.user_may_create_room = async::bind<&Scripted::judge>(this);
        api.register_spam_checker_callbacks(spam);
        note("built for " + api.module_name() + " says " + config_.greeting);
    }
    ~Scripted() { note("gone"); }
    Scripted(const Scripted&) = delete;
    Scripted& operator=(const Scripted&) = delete;

    async::task<void> start() {
        note("start");
        co_return;
    }
    void ready() { note("ready"); }
    void stop() { note("stop"); }
    JsonDict save() {
        JsonDict saved;
        saved["asked"] = asked_;
        return saved;
    }
    void restore(const JsonDict& saved) { note("restored " + std::to_string(saved.at("asked").as_int64())); }

    static Lines take() { return std::exchange(lines, Lines()); }

private:
    callbacks::Verdict judge(const std::string&) {
        ++asked_;
        if (config_.script->refuses) return callbacks::Codes::FORBIDDEN;
        return callbacks::NOT_SPAM;
    }
    void note(const std::string& what) const { lines.push_back(config_.script->name + " " + what); }

    static inline Lines lines;
    Config config_;
    int asked_ = 0;
};

std::shared_ptr<const void> parse_for_script(const ModuleDefinition& definition, const ConfigSection& config) {
    auto parsed = std::make_shared<Scripted::Config>(Scripted::parse_config(config));
    parsed->script = std::static_pointer_cast<const Script>(definition.carried);
    return parsed;
}

std::shared_ptr<const void> parse_for_nobody(const ModuleDefinition&, const ConfigSection&) {
    throw ModuleLoadError("the script says nothing of what it is");
}

/// Knows the scripts that a test gives it.
class Scripts final : public modapi::ModuleLoader {
public:
    void write(const std::string& name, bool refuses) {
        Script script;
        script.name = name;
        script.refuses = refuses;
        scripts_[name] = std::make_shared<const Script>(std::move(script));
    }
    std::optional<FoundModule> find(std::string_view name) override {
        asked.emplace_back(name);
        if (name.ends_with(".Broken")) throw ModuleLoadError("/scripts/broken.txt says nothing");
        const auto script = scripts_.find(name);
        if (script == scripts_.end()) return std::nullopt;
        ModuleDefinition definition = modapi::definition_of<Scripted>("7.1");
        definition.parse = &parse_for_script;
        definition.carried = script->second;
        FoundModule found;
        found.definition = std::make_shared<const ModuleDefinition>(std::move(definition));
        found.library = "/scripts/" + std::string(name) + ".txt";
        return found;
    }
    std::optional<FoundModule> find_entry(std::string_view name, JsonDict& further) override {
        if (const callbacks::JsonValue* const stage = further.if_contains("stage")) {
            if (!stage->is_string()) throw callbacks::ConfigError("must be a string", {"stage"});
            stages.emplace_back(stage->get_string());
            further.erase("stage");
        }
        return find(name);
    }
    std::string missing(std::string_view name) const override { return "no script " + std::string(name) + ".txt in /scripts"; }

    Lines asked;
    Lines stages;

private:
    std::map<std::string, std::shared_ptr<const Script>, std::less<>> scripts_;
};

struct InTheProgram {
    InTheProgram(const ConfigSection&, ModuleApi&) {}
};

class ModuleLoaderTest : public testing::Test {
protected:
    ModuleLoaderTest() {
        Scripted::take();
        scripts->write("my.Script", false);
        scripts->write("my.Other", true);
        resolver.add_last_resort(scripts);
    }
    std::vector<ConfiguredModule> read(const std::string& entries) {
        const auto file = modapi::ConfigurationFile::parse("modules:\n" + entries, "hs.yaml");
        return modapi::configure_modules(file, resolver, [](const std::string& line) { ADD_FAILURE() << line; });
    }
    std::string error_of(const std::string& entries) {
        try {
            static_cast<void>(read(entries));
        } catch (const modapi::ConfigurationError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }
    modapi::ModuleChanges change_to(const std::string& entries) {
        const std::vector<ConfiguredModule> modules = read(entries);
        modapi::ModuleChanges changes = under_test.worker.build_next(modules);
        under_test.wait(under_test.worker.start_next());
        under_test.worker.hand_over();
        under_test.worker.serve_next();
        under_test.run_ready();
        return changes;
    }
    bool may_create() { return under_test.wait(judged(under_test.worker)); }
    static async::task<bool> judged(modapi::ModuleHost& worker) {
        const std::string user = "@alice:example.org";
        const JsonDict config;
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.user_may_create_room(user, config);
        co_return !verdict.is_spam();
    }

    std::shared_ptr<Scripts> scripts = std::make_shared<Scripts>();
    ModuleResolver resolver{{TEST_MODULES}};
    WorkerUnderTest under_test;
};

TEST_F(ModuleLoaderTest, IsAskedForWhatIsNeitherCompiledInNorALibrary) {
    resolver.add<InTheProgram>("my.Program");
    EXPECT_EQ(resolver.find("my.Program").library, "");
    EXPECT_EQ(resolver.find("good_module.GoodModule").library, std::filesystem::path(TEST_MODULES) / "good_module.so");
    EXPECT_TRUE(scripts->asked.empty());
    const FoundModule found = resolver.find("my.Script");
    EXPECT_EQ(found.library, "/scripts/my.Script.txt");
    EXPECT_EQ(resolver.library_of("my.Script"), "/scripts/my.Script.txt");
    EXPECT_EQ(std::static_pointer_cast<const Script>(found.definition->carried)->name, "my.Script");
    EXPECT_EQ(resolver.resolve("my.Script"), *found.definition);
    EXPECT_EQ(scripts->asked, (Lines{"my.Script", "my.Script"}));
}

TEST_F(ModuleLoaderTest, IsNotAskedForAClassThatALibraryLacksOrForWhatIsNoName) {
    EXPECT_EQ(error_of("  - {module: good_module.Missing}\n"),
              "hs.yaml:2: modules[0].module: " + (std::filesystem::path(TEST_MODULES) / "good_module.so").string() +
                  " has no class Missing; it has GoodModule, SecondModule (module good_module.Missing)");
    EXPECT_NE(error_of("  - {module: nothing}\n").find("must be the name of a library and of a class in it"),
              std::string::npos);
    EXPECT_TRUE(scripts->asked.empty());
}

TEST_F(ModuleLoaderTest, SaysBothWhereALibraryAndWhereItsOwnWouldBe) {
    EXPECT_EQ(error_of("  - {module: my.Nobody}\n"),
              "hs.yaml:2: modules[0].module: is neither compiled in, nor is there a my.so on the module path (" TEST_MODULES
              "), and no script my.Nobody.txt in /scripts (module my.Nobody)");
}

TEST_F(ModuleLoaderTest, IsFollowedByTheNextOne) {
    const auto further = std::make_shared<Scripts>();
    further->write("my.Further", false);
    resolver.add_last_resort(further);
    EXPECT_EQ(resolver.find("my.Further").library, "/scripts/my.Further.txt");
    EXPECT_EQ(further->asked, Lines{"my.Further"}) << "the first has what it was asked for before";
    EXPECT_EQ(scripts->asked, Lines{"my.Further"});
    EXPECT_THROW(resolver.add_last_resort(nullptr), std::invalid_argument);
}

TEST_F(ModuleLoaderTest, FailsForAModuleThatIsThereAndCantBeUsed) {
    EXPECT_EQ(error_of("  - {module: my.Broken}\n"),
              "hs.yaml:2: modules[0].module: /scripts/broken.txt says nothing (module my.Broken)");
}

TEST_F(ModuleLoaderTest, IsToldWhatElseAnEntrySaysAndTakesWhatItKnows) {
    Lines warnings;
    const auto file =
        modapi::ConfigurationFile::parse("modules:\n  - {module: my.Script, stage: left, colour: red}\n", "hs.yaml");
    static_cast<void>(modapi::configure_modules(file, resolver, [&](const std::string& line) { warnings.push_back(line); }));
    EXPECT_EQ(scripts->stages, Lines{"left"});
    EXPECT_EQ(warnings, Lines{"hs.yaml:2: modules[0].colour: is not a known key of a module's entry and has no effect (module "
                              "my.Script)"});
    EXPECT_EQ(error_of("  - {module: my.Script, stage: 7}\n"),
              "hs.yaml:2: modules[0].stage: must be a string (module my.Script)");
}

TEST_F(ModuleLoaderTest, SaysOfTheModuleWhatOnlyItsParsingFinds) {
    ModuleDefinition empty = modapi::definition_of<Scripted>();
    empty.parse = &parse_for_nobody;
    resolver.add("my.Empty", empty);
    EXPECT_EQ(error_of("  - {module: my.Empty}\n"),
              "hs.yaml:2: modules[0].module: the script says nothing of what it is (module my.Empty)");
}

TEST_F(ModuleLoaderTest, GivesModulesWhoseSectionIsCheckedWithItsPlace) {
    EXPECT_EQ(error_of("  - {module: my.Script, config: {greetin: x}}\n").substr(0, 42),
              "hs.yaml:2: modules[0].config.greetin: is n");
    EXPECT_EQ(error_of("  - {module: my.Script, config: {greeting: 7}}\n"),
              "hs.yaml:2: modules[0].config.greeting: must be a string, not a number (module my.Script)");
}

TEST_F(ModuleLoaderTest, GivesModulesThatStartAnswerAndStopAsAllOthers) {
    under_test.construct_from("modules:\n  - {module: my.Script, config: {greeting: hi}}\n  - {module: my.Other}\n", resolver);
    EXPECT_EQ(Scripted::take(), (Lines{"my.Script built for my.Script says hi", "my.Other built for my.Other says hello",
                                       "my.Script start", "my.Other start", "my.Script ready", "my.Other ready"}));
    EXPECT_FALSE(may_create()) << "the second one refuses";
    const std::vector<modapi::ModuleStatistics> statistics = under_test.worker.module_statistics();
    ASSERT_EQ(statistics.size(), 2U);
    EXPECT_EQ(statistics[0].library, "/scripts/my.Script.txt");
    EXPECT_EQ(statistics[0].version, "7.1");
    under_test.stop();
    EXPECT_EQ(Scripted::take(), (Lines{"my.Other stop", "my.Script stop", "my.Other gone", "my.Script gone"}));
}

TEST_F(ModuleLoaderTest, KeepsTheInstanceOfAModuleThatIsTheSameAndHasAnotherTakeItsPlaceOtherwise) {
    const std::string entries = "  - {module: my.Script}\n  - {module: my.Other, callbacks: {mode: off}}\n";
    under_test.construct_from("modules:\n" + entries, resolver);
    EXPECT_TRUE(may_create());
    Scripted::take();
    EXPECT_EQ(change_to(entries).kept, (Lines{"my.Script", "my.Other"}));
    EXPECT_TRUE(Scripted::take().empty());
    scripts->write("my.Script", true);
    const modapi::ModuleChanges changes = change_to(entries);
    EXPECT_EQ(changes.replaced, Lines{"my.Script"});
    EXPECT_EQ(changes.kept, Lines{"my.Other"});
    EXPECT_EQ(Scripted::take(), (Lines{"my.Script built for my.Script says hello", "my.Script start", "my.Script ready",
                                       "my.Script restored 1", "my.Script stop", "my.Script gone"}));
    EXPECT_FALSE(may_create()) << "it refuses now";
}

TEST_F(ModuleLoaderTest, GivesModulesThatRunWhereTheirEntrySays) {
    const std::vector<ConfiguredModule> modules = read("  - {module: my.Script, run_on: elsewhere}\n  - {module: my.Other}\n");
    EXPECT_EQ(modules[0].placement, modapi::Placement::on({"elsewhere"}));
    under_test.worker.construct_modules(modules);
    EXPECT_EQ(Scripted::take(), Lines{"my.Other built for my.Other says hello"});
}

TEST_F(ModuleLoaderTest, GivesDefinitionsThatOutliveResolverAndLoader) {
    std::vector<ConfiguredModule> modules;
    {
        ModuleResolver shortly({});
        const auto loader = std::make_shared<Scripts>();
        loader->write("my.Script", true);
        shortly.add_last_resort(loader);
        shortly.add<InTheProgram>("my.Program");
        const auto file = modapi::ConfigurationFile::parse("modules: [{module: my.Script}, {module: my.Program}]", "hs.yaml");
        modules = modapi::configure_modules(file, shortly, [](const std::string&) {});
    }
    under_test.worker.construct_modules(modules);
    under_test.wait(under_test.worker.start_modules());
    EXPECT_FALSE(may_create());
}

}  // namespace
