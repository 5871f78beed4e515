#include "temporary_folder.h"

#include <modapi/hosting/configuration.h>
#include <modapi/hosting/module_resolver.h>

#include <gtest/gtest.h>

#include <limits>

namespace {

using modapi::ConfigurationError;
using modapi::ConfigurationFile;
using modapi::ConfigurationPath;

template <class Function>
std::string loading_error(Function&& function) {
    try {
        function();
    } catch (const ConfigurationError& error) {
        return error.what();
    }
    return "nothing was thrown";
}
std::string parse_error(std::string_view yaml) {
    return loading_error([&] { static_cast<void>(ConfigurationFile::parse(yaml, "hs.yaml")); });
}

struct Strict {
    static int parse_config(const modapi::ConfigSection& config) {
        static_cast<void>(config.required<std::string>("audit_room"));
        if (config.contains("runtime")) throw std::runtime_error("the disk\nis full");
        return 1;
    }
    Strict(int, modapi::ModuleApi&) {}
};

std::string modules_error(std::string_view yaml, std::vector<std::string>* warnings = nullptr) {
    return loading_error([&] {
        const ConfigurationFile file = ConfigurationFile::parse(yaml, "hs.yaml");
        modapi::ModuleResolver resolver({});
        resolver.add<Strict>("audit.Strict");
        static_cast<void>(modapi::configure_modules(file, resolver, [&](const std::string& line) {
            if (warnings != nullptr) warnings->push_back(line);
        }));
    });
}

modapi::ConfiguredModule own_section(std::string_view yaml) {
    const ConfigurationFile file = ConfigurationFile::parse(yaml, "hs.yaml");
    modapi::ModuleResolver resolver({});
    resolver.add<Strict>("audit");
    return modapi::configure_section(file, "audit", resolver);
}

TEST(ConfigurationTest, GivesAModuleOfTheHostsASectionOfItsOwn) {
    const modapi::ConfiguredModule module = own_section("server_name: x\naudit:\n  audit_room: '!a:x'\n");
    EXPECT_EQ(module.name, "audit");
    EXPECT_EQ(module.masked_config().at("audit_room"), "!a:x");
    EXPECT_EQ(loading_error([&] { module.fail({"audit_room"}, "is closed"); }),
              "hs.yaml:3: audit.audit_room: is closed (module audit)");
    EXPECT_EQ(loading_error([&] { module.fail({}, "can't start"); }), "hs.yaml:2: audit: can't start (module audit)");
    EXPECT_TRUE(module.is_same_as(own_section("audit: {audit_room: '!a:x'}\n")));
    EXPECT_FALSE(module.is_same_as(own_section("audit: {audit_room: '!b:x'}\n")));
    EXPECT_EQ(loading_error([] { static_cast<void>(own_section("audit:\n  audit_room: 1\n")); }),
              "hs.yaml:2: audit.audit_room: must be a string, not a number (module audit)");
    EXPECT_EQ(loading_error([] { static_cast<void>(own_section("audit: [1]\n")); }), "hs.yaml:1: audit: must be a mapping");
    EXPECT_EQ(loading_error([] { static_cast<void>(own_section("server_name: x\n")); }),
              "hs.yaml:1: audit.audit_room: is required (module audit)");
}

TEST(ConfigurationTest, ReadsScalarsAsYaml1_1Does) {
    const ConfigurationFile file = ConfigurationFile::parse(
        "n: ~\nt: true\ni: 12\nh: 0x1F\nf: 1.5\nq: '12'\ns: yes\nv: 1.2.3\nbig: 9223372036854775807\nneg: "
        "-9223372036854775808\ne: 1e3\nr: 1.0e+3\nempty:\n",
        "hs.yaml");
    const callbacks::JsonDict& root = file.root();
    EXPECT_TRUE(root.at("n").is_null());
    EXPECT_TRUE(root.at("empty").is_null());
    EXPECT_EQ(root.at("t"), true);
    EXPECT_EQ(root.at("i"), 12);
    EXPECT_EQ(root.at("h"), 31);
    EXPECT_EQ(root.at("f"), 1.5);
    EXPECT_EQ(root.at("q"), "12");
    EXPECT_EQ(root.at("s"), true);
    EXPECT_EQ(root.at("v"), "1.2.3");
    EXPECT_EQ(root.at("e"), "1e3");
    EXPECT_EQ(root.at("r"), 1000.0);
    EXPECT_EQ(root.at("big").as_int64(), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(root.at("neg").as_int64(), std::numeric_limits<std::int64_t>::min());
}

TEST(ConfigurationTest, KnowsTheLineOfEveryValueAndTheNearestOneAboveAMissingOne) {
    const ConfigurationFile file =
        ConfigurationFile::parse("a: 1\nmodules:\n  - module: x.Y\n  - module: x.Z\n    config:\n      k: 1\n", "hs.yaml");
    EXPECT_EQ(file.line_of({"a"}), 1);
    EXPECT_EQ(file.line_of({"modules"}), 2);
    EXPECT_EQ(file.line_of({"modules", "1"}), 4);
    EXPECT_EQ(file.line_of({"modules", "1", "config"}), 5);
    EXPECT_EQ(file.line_of({"modules", "1", "config", "k"}), 6);
    EXPECT_EQ(file.line_of({"modules", "1", "config", "missing", "deeper"}), 5);
    EXPECT_EQ(file.describe({"modules", "1", "config", "k"}, "is bad"), "hs.yaml:6: modules[1].config.k: is bad");
    EXPECT_EQ(file.describe({}, "is bad"), "hs.yaml:1: is bad");
    EXPECT_EQ(*file.find({"modules", "1", "config", "k"}), 1);
    EXPECT_EQ(file.find({"modules", "7"}), nullptr);
}

TEST(ConfigurationTest, NamesTheLineOfWhatDoesNotParse) {
    EXPECT_EQ(parse_error("a: 1\nb: [1, 2\nc: 3\n").substr(0, 23), "hs.yaml:3: isn't YAML: ");
    EXPECT_EQ(parse_error("a: 1\nb: 2\na: 3\n"), "hs.yaml:3: the key a is there twice, first in line 1");
    EXPECT_EQ(parse_error("- 1\n- 2\n"), "hs.yaml:1: the configuration must be a mapping of keys to values");
    EXPECT_EQ(parse_error(""), "hs.yaml:1: the configuration must be a mapping of keys to values");
    EXPECT_EQ(parse_error("a: 1\n---\nb: 2\n"), "hs.yaml:3: there is a second document in the file");
    EXPECT_EQ(parse_error("a: 1\nb: !secret x\n"), "hs.yaml:2: the tag !secret isn't supported");
}

TEST(ConfigurationTest, RefusesBottomlessAndExplodingDocuments) {
    EXPECT_EQ(parse_error("a: " + std::string(100, '[') + std::string(100, ']')), "hs.yaml:1: nested too deeply");
    EXPECT_NE(parse_error("a: " + std::string(100000, '[')).find("hs.yaml:1: "), std::string::npos);
    EXPECT_EQ(parse_error("a: &a [*a]\n"), "hs.yaml:1: nested too deeply");
    std::string laughs = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
    for (int level = 1; level < 9; ++level) {
        const std::string before = "*a" + std::to_string(level - 1);
        laughs += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + before;
        for (int copy = 1; copy < 10; ++copy) laughs += "," + before;
        laughs += "]\n";
    }
    EXPECT_NE(parse_error(laughs).find("grow it beyond a million values"), std::string::npos);
}

callbacks::JsonValue value_of(const std::string& yaml) {
    return ConfigurationFile::parse("a: " + yaml + "\n", "hs.yaml").root().at("a");
}

TEST(ConfigurationTest, TakesTheWordsOfYaml1_1ForBooleansAndNoOthers) {
    for (const std::string word : {"yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"})
        EXPECT_EQ(value_of(word), true);
    for (const std::string word : {"no", "No", "NO", "off", "Off", "OFF", "false", "False"}) EXPECT_EQ(value_of(word), false);
    for (const std::string word : {"y", "n", "Y", "N", "yES", "oN", "nULL"}) EXPECT_EQ(value_of(word), word.c_str());
    EXPECT_EQ(value_of("'yes'"), "yes");
    EXPECT_EQ(value_of("!!str yes"), "yes");
}

TEST(ConfigurationTest, ReadsTheNumbersOfYaml1_1) {
    EXPECT_EQ(value_of("017"), 15);
    EXPECT_EQ(value_of("-0b101"), -5);
    EXPECT_EQ(value_of("1_000"), 1000);
    EXPECT_EQ(value_of("190:20:30"), 685230);
    EXPECT_EQ(value_of("1:30.5"), 90.5);
    EXPECT_EQ(value_of("1_0.5"), 10.5);
    EXPECT_EQ(value_of("-.inf"), -std::numeric_limits<double>::infinity());
    EXPECT_EQ(value_of("!!int '3'"), 3);
    for (const std::string text : {"0o17", "089", "08:30", "1e3", "1.5e3", "-.5", "1:60"})
        EXPECT_EQ(value_of(text), text.c_str());
}

TEST(ConfigurationTest, RefusesWhatJsonCanNotSay) {
    EXPECT_EQ(parse_error("a: 1\nb: 2001-12-14\n"),
              "hs.yaml:2: 2001-12-14 is a date in YAML 1.1, which JSON doesn't have; in quotes it would be text");
    EXPECT_EQ(parse_error("a: 18446744073709551616\n"),
              "hs.yaml:1: 18446744073709551616 is no integer of 64 bits; in quotes it would be text");
    EXPECT_EQ(parse_error("a: 1.0e+400\n"),
              "hs.yaml:1: 1.0e+400 is no number that a double can hold; in quotes it would be text");
    EXPECT_EQ(parse_error("a: !!binary aGk=\n"), "hs.yaml:1: the tag !!binary isn't supported");
    EXPECT_EQ(parse_error("a: !!python/name:os.system x\n"), "hs.yaml:1: the tag !!python/name:os.system isn't supported");
    EXPECT_EQ(parse_error("a:\n  - !!set {b}\n"), "hs.yaml:2: the tag !!set isn't supported");
}

TEST(ConfigurationTest, TakesKeysThatAreTextOrWholeNumbers) {
    const ConfigurationFile file = ConfigurationFile::parse("8008: a\n'yes': b\n!!str on: c\n", "hs.yaml");
    EXPECT_EQ(file.root().at("8008"), "a");
    EXPECT_EQ(file.root().at("yes"), "b");
    EXPECT_EQ(file.root().at("on"), "c");
    EXPECT_EQ(parse_error("a: 1\nno: 2\n"), "hs.yaml:2: the key no is a boolean in YAML 1.1, not text: write it in quotes");
    EXPECT_EQ(parse_error("a:\n  1.5: x\n"), "hs.yaml:2: the key 1.5 is a float in YAML 1.1, not text: write it in quotes");
    EXPECT_EQ(parse_error("~: x\n"), "hs.yaml:1: the key ~ is null in YAML 1.1, not text: write it in quotes");
    EXPECT_EQ(parse_error("1: x\n'1': y\n"), "hs.yaml:2: the key 1 is there twice, first in line 1");
}

TEST(ConfigurationTest, MergesTheMappingsThatAMergeKeyNames) {
    const std::string bases = "a: &a\n  deny: [x]\n  limit: 1\nb: &b {limit: 2, extra: 3}\n";
    const auto merged = [&](const std::string& mapping) {
        return ConfigurationFile::parse(bases + "c: " + mapping + "\n", "hs.yaml").root().at("c").as_object();
    };
    EXPECT_EQ(merged("{<<: *a}"), (callbacks::JsonDict{{"deny", callbacks::JsonArray{"x"}}, {"limit", 1}}));
    EXPECT_EQ(merged("{limit: 9, <<: *a}").at("limit"), 9);
    EXPECT_EQ(merged("{<<: [*a, *b]}").at("limit"), 1);
    EXPECT_EQ(merged("{<<: [*b, *a]}").at("limit"), 2);
    EXPECT_EQ(merged("{<<: *a, <<: *b}").at("limit"), 2);
    EXPECT_EQ(merged("{<<: {<<: *a, limit: 5}}"), (callbacks::JsonDict{{"deny", callbacks::JsonArray{"x"}}, {"limit", 5}}));
    EXPECT_EQ(merged("{'<<': 7}"), (callbacks::JsonDict{{"<<", 7}}));
}

TEST(ConfigurationTest, RemembersTheLineThatAMergedValueStandsIn) {
    const ConfigurationFile file = ConfigurationFile::parse(
        "base: &base\n  deny: 7\nmodules:\n  - module: x.Y\n    config:\n      <<: *base\n", "hs.yaml");
    EXPECT_EQ(file.describe({"modules", "0", "config", "deny"}, "is bad"), "hs.yaml:2: modules[0].config.deny: is bad");
}

TEST(ConfigurationTest, RefusesToMergeWhatIsNoMapping) {
    const std::string refusal = "<< must name a mapping, or a list of mappings, whose keys are merged into this one";
    for (const std::string value : {"*x", "~", "[*m, 1]", "[[*m]]"})
        EXPECT_EQ(parse_error("x: &x text\nm: &m {}\na:\n  <<: " + value + "\n"), "hs.yaml:4: " + refusal);
    EXPECT_EQ(parse_error("a: [<<]\n"), "hs.yaml:1: << is no value; in quotes it would be text");
    EXPECT_EQ(parse_error("a: &a {<<: *a}\n"), "hs.yaml:1: nested too deeply");
}

TEST(ConfigurationTest, RefusesMergesThatExplode) {
    std::string laughs = "a0: &a0 {x: 1}\n";
    for (int level = 1; level < 9; ++level) {
        const std::string before = "*a" + std::to_string(level - 1);
        laughs += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " {<<: [" + before;
        for (int copy = 1; copy < 10; ++copy) laughs += "," + before;
        laughs += "]}\n";
    }
    EXPECT_NE(parse_error(laughs).find("grow it beyond a million values"), std::string::npos);
}

TEST(ConfigurationTest, NamesTheLineOfWhatIsNotText) {
    using namespace std::string_view_literals;
    EXPECT_EQ(parse_error("a: 1\nb: \xe9\n"), "hs.yaml:2: isn't UTF-8");
    EXPECT_EQ(parse_error("\xff\xfe"
                          "a\0:\0 \0"
                          "1\0"sv),
              "hs.yaml:1: isn't UTF-8: it begins as UTF-16 does");
    EXPECT_EQ(parse_error("a: 1\n# \0\n"sv), "hs.yaml:2: isn't YAML: there is a NUL byte");
    EXPECT_EQ(parse_error("a: 1\nb: \x1b[0m\n"), "hs.yaml:2: isn't YAML: the control character U+001B may not be in it");
    EXPECT_EQ(parse_error("a: 1\nb:\t2\n"), "hs.yaml:2: isn't YAML: a tab stands where only spaces may");
    EXPECT_EQ(value_of("'x\ty' #\tcomment"), "x\ty");
    EXPECT_EQ(ConfigurationFile::parse("\xef\xbb\xbf"
                                       "a: on\n",
                                       "hs.yaml")
                  .root()
                  .at("a"),
              true);
}

TEST(ConfigurationTest, NamesAliasesOfNothingAndNamesGivenTwice) {
    EXPECT_EQ(parse_error("a: 1\nb: *c\n"), "hs.yaml:2: isn't YAML: nothing above is named &c");
    EXPECT_EQ(parse_error("a: &x 1\nb: &x 2\n"), "hs.yaml:2: the name &x is given twice, first in line 1");
}

TEST(ConfigurationTest, NamesAFileThatCanNotBeRead) {
    const TemporaryFolder folder;
    const auto load = [](const std::filesystem::path& file) {
        return loading_error([&] { static_cast<void>(ConfigurationFile::load(file)); });
    };
    EXPECT_EQ(load(folder.file("no.yaml")), folder.file("no.yaml").string() + ": can't be read: No such file or directory");
    EXPECT_EQ(load(folder.path()), folder.path().string() + ": can't be read: it is a directory");
    EXPECT_EQ(load(folder.write("empty.yaml", "")),
              folder.file("empty.yaml").string() + ":1: the configuration must be a mapping of keys to values");
}

TEST(ConfigureModulesTest, ReportsAMissingKeyInTheFormOperatorsSee) {
    EXPECT_EQ(modules_error("server_name: x\nmodules:\n  - module: audit.Strict\n    config: {audit_room: r}\n  - module: "
                            "audit.Strict\n    config: {}\n"),
              "hs.yaml:6: modules[1].config.audit_room: is required (module audit.Strict)");
    EXPECT_EQ(modules_error("modules:\n  - module: audit.Strict\n"),
              "hs.yaml:2: modules[0].config.audit_room: is required (module audit.Strict)");
    EXPECT_EQ(modules_error("modules:\n  - module: audit.Strict\n    config:\n      audit_room: 7\n"),
              "hs.yaml:4: modules[0].config.audit_room: must be a string, not a number (module audit.Strict)");
}

TEST(ConfigureModulesTest, ReportsAnyOtherExceptionAtTheConfigOnOneLine) {
    EXPECT_EQ(modules_error("modules:\n  - module: audit.Strict\n    config: {audit_room: r, runtime: 1}\n"),
              "hs.yaml:3: modules[0].config: the disk is full (module audit.Strict)");
}

TEST(ConfigureModulesTest, RefusesEntriesOfTheWrongShape) {
    EXPECT_EQ(modules_error("modules: {}\n"), "hs.yaml:1: modules: must be a list of modules");
    EXPECT_EQ(modules_error("modules:\n  - 7\n"), "hs.yaml:2: modules[0]: must be a mapping with the keys module and config");
    EXPECT_EQ(modules_error("modules:\n  - config: {}\n"), "hs.yaml:2: modules[0].module: is required");
    EXPECT_EQ(modules_error("modules:\n  - module: 7\n"), "hs.yaml:2: modules[0].module: must be a string");
    EXPECT_EQ(modules_error("modules:\n  - module: nodot\n"),
              "hs.yaml:2: modules[0].module: must be the name of a library and of a class in it, as in my_module.MyModule "
              "(module nodot)");
    EXPECT_EQ(modules_error("modules:\n  - module: no.Such\n"),
              "hs.yaml:2: modules[0].module: is neither compiled in, nor is there a no.so on the module path (which is empty) "
              "(module no.Such)");
    for (const std::string config : {"[]", "''", "0", "false", "text"}) {
        EXPECT_EQ(modules_error("modules:\n  - module: audit.Strict\n    config: " + config + "\n"),
                  "hs.yaml:3: modules[0].config: must be a mapping (module audit.Strict)");
    }
}

TEST(ConfigureModulesTest, AcceptsNoModulesAndWarnsAboutOtherKeys) {
    EXPECT_EQ(modules_error("a: 1\n"), "nothing was thrown");
    EXPECT_EQ(modules_error("modules:\n"), "nothing was thrown");
    EXPECT_EQ(modules_error("modules: []\n"), "nothing was thrown");
    std::vector<std::string> warnings;
    EXPECT_EQ(modules_error("modules:\n  - module: audit.Strict\n    konfig: 1\n    config: {audit_room: r}\n", &warnings),
              "nothing was thrown");
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_EQ(warnings[0],
              "hs.yaml:3: modules[0].konfig: is not a known key of a module's entry and has no effect (module audit.Strict)");
}

}  // namespace
