#include "worker_under_test.h"

#include <modapi/hosting/masked_configuration.h>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What of a module's configuration an operator is shown.
namespace {

using callbacks::JsonDict;
using modapi::ConfigSection;
using modapi::masked_text;
using modapi::ModuleApi;
using DeclaredPaths = std::set<std::vector<std::string>>;

std::string masked_json(std::string_view config, const DeclaredPaths& declared = {}) {
    return boost::json::serialize(modapi::masked_configuration(boost::json::parse(config).as_object(), declared));
}

TEST(MaskedConfigurationTest, HidesValuesWhoseKeysSpeakOfSecretsAtAnyDepthAndInAnyCase) {
    EXPECT_EQ(masked_json(R"({"a":{"b":[{"Client_SECRET":"x","kept":"y"}]}})"), R"({"a":{"b":[{"Client_SECRET":"***","kept":"y"}]}})");
    EXPECT_EQ(masked_json(R"({"smtp_pass":"x","PASSWORD":"x","accessToken":"x","api_key":"x","X-Authorization":"x"})"),
              R"({"smtp_pass":"***","PASSWORD":"***","accessToken":"***","api_key":"***","X-Authorization":"***"})");
}

TEST(MaskedConfigurationTest, HidesSecretsOfAnyType) {
    EXPECT_EQ(masked_json(R"({"keys":["a",{"b":1}],"pass":7,"token":null,"secret":{"kept":1},"key":true,"other":[1,null,true,1.5]})"),
              R"({"keys":"***","pass":"***","token":"***","secret":"***","key":"***","other":[1,null,true,1.5E0]})");
}

TEST(MaskedConfigurationTest, HidesWhatWasDeclaredAlsoInLists) {
    EXPECT_EQ(masked_json(R"({"peers":[{"sender":"a"},{"sender":"b"}],"sender":"c"})", {{"peers", "1", "sender"}, {"nowhere"}}),
              R"({"peers":[{"sender":"a"},{"sender":"***"}],"sender":"c"})");
    EXPECT_EQ(masked_json(R"({"words":["a","b"],"all":{"of":"it"}})", {{"words", "0"}, {"all"}}), R"({"words":["***","b"],"all":"***"})");
}

TEST(MaskedConfigurationTest, HidesTheUserInformationOfUrlsWhereverTheyStand) {
    EXPECT_EQ(masked_text("https://user:pw@host:8448/path?a=b#c"), "https://***@host:8448/path?a=b#c");
    EXPECT_EQ(masked_text("asks https://me@host/ and postgres://u:p%40@h/db."), "asks https://***@host/ and postgres://***@h/db.");
    EXPECT_EQ(masked_text("https://a:b@one,https://c:d@two"), "https://***@one,https://***@two");
    EXPECT_EQ(masked_text("https://user:p@ss@host"), "https://***@host") << "up to the last @";
    EXPECT_EQ(masked_text("https://user:p/ss#w?rd@host/"), "https://***@host/") << "what should have been encoded";
    EXPECT_EQ(masked_text("https://user:pw@"), "https://***@") << "without a host";
    EXPECT_EQ(masked_text("https://user:pw@/path"), "https://***@/path");
    EXPECT_EQ(masked_text("//user:pw@host"), "//***@host");
}

TEST(MaskedConfigurationTest, LeavesOtherTextsAlone) {
    for (const std::string text : {"https://host/", "https://matrix.to/#/@alice:example.org", "http://host:8008/@alice:example.org",
                                   "@keymaster:example.org", "alice@example.org", "file:///var/lib/@data", "https://", "//", "://@", "=",
                                   "pass", "pass=", "no secrets here", "key: ", "!monkey:example.org", ""})
        EXPECT_EQ(masked_text(text), text);
}

TEST(MaskedConfigurationTest, HidesWhatATextGivesToSuchAWord) {
    EXPECT_EQ(masked_text("https://host/?access_token=abc&user=me"), "https://host/?access_token=***&user=me");
    EXPECT_EQ(masked_text("host=db password='a b' dbname=x"), "host=db password=*** dbname=x");
    EXPECT_EQ(masked_text("Authorization: Bearer abc\nAccept: all"), "Authorization: ***\nAccept: all");
    EXPECT_EQ(masked_text(R"({"api_key":"abc","kept":"x"})"), R"({"api_key":***,"kept":"x"})");
    EXPECT_EQ(masked_text("password = 'not closed"), "password = ***");
}

TEST(MaskedConfigurationTest, HidesSecretsInKeysAndKeepsThemApart) {
    EXPECT_EQ(masked_json(R"({"https://a:b@host":1,"https://c:d@host":2})"), R"x({"https://***@host":1,"https://***@host (2)":2})x");
    EXPECT_EQ(masked_json(R"({"":1,"a\u0000b":"https://u:p@h\u0000","<b>":"x"})"), R"({"":1,"a\u0000b":"https://***@h\u0000","<b>":"x"})");
}

TEST(MaskedConfigurationTest, TakesLongHostileTextsInNoTime) {
    const std::string slashes(200'000, '/');
    EXPECT_EQ(masked_text(slashes), slashes);
    const std::string signs(200'000, '=');
    EXPECT_EQ(masked_text(signs), signs);
}

/// Reads one secret when its configuration is parsed, others in its constructor and when it is asked to.
class Careful {
public:
    using Config = ConfigSection;
    static Config parse_config(const ConfigSection& config) {
        sender = config.secret("sender");
        const std::optional<std::int64_t> pin = config.optional_secret<std::int64_t>("pin");
        static_cast<void>(pin);
        for (const ConfigSection& peer : config.sections("peers")) static_cast<void>(peer.secret("salt"));
        return config;
    }
    Careful(ConfigSection config, ModuleApi&) : config_(std::move(config)) {
        static_cast<void>(config_.section("inner").optional_secret("word"));
        newest = this;
    }
    [[nodiscard]] const ConfigSection& config() const { return config_; }

    static inline std::string sender;
    static inline Careful* newest = nullptr;

private:
    ConfigSection config_;
};

std::string config_shown_by(const WorkerUnderTest& host) {
    return boost::json::serialize(*host.worker.module_statistics().at(0).config);
}

constexpr const char* careful_config =
    "{sender: a, pin: 3, peers: [{salt: b, name: c}, {salt: d}], inner: {word: e, other: f}, late: g, missing: null}";

TEST(DeclaredSecretsTest, AreHiddenFromWhenTheModuleReadsThem) {
    WorkerUnderTest host;
    host.construct<Careful>(careful_config);
    EXPECT_EQ(Careful::sender, "a") << "reads as required() does";
    EXPECT_EQ(config_shown_by(host), R"({"sender":"***","pin":"***","peers":[{"salt":"***","name":"c"},{"salt":"***"}],)"
                           R"("inner":{"word":"***","other":"f"},"late":"g","missing":null})");
    EXPECT_EQ(Careful::newest->config().secret("late"), "g");
    EXPECT_NE(config_shown_by(host).find(R"("late":"***")"), std::string::npos);
}

TEST(DeclaredSecretsTest, StayHiddenWhenTheListIsReadAgainAndTheInstanceGoesOn) {
    WorkerUnderTest host;
    modapi::ModuleResolver resolver({});
    resolver.add<Careful>("test.Careful");
    const std::string yaml = "modules: [{module: test.Careful, config: " + std::string(careful_config) + "}]";
    host.construct_from(yaml, resolver);
    static_cast<void>(Careful::newest->config().secret("late"));
    const auto again = modapi::configure_modules(modapi::ConfigurationFile::parse(yaml, "hs.yaml"), resolver, [](const std::string&) {});
    EXPECT_EQ(host.worker.build_next(again).kept.size(), 1U);
    host.wait(host.worker.start_next());
    host.worker.serve_next();
    EXPECT_NE(config_shown_by(host).find(R"("word":"***")"), std::string::npos) << "what only the constructor has said";
    EXPECT_NE(config_shown_by(host).find(R"("late":"***")"), std::string::npos);
}

TEST(DeclaredSecretsTest, AreDeclaredEvenIfTheyCannotBeRead) {
    const ConfigSection config(boost::json::parse(R"({"sender":7})").as_object());
    EXPECT_THROW(static_cast<void>(config.secret("sender")), callbacks::ConfigError);
    EXPECT_THROW(static_cast<void>(config.secret("missing")), callbacks::ConfigError);
    EXPECT_EQ(config.optional_secret("other"), std::nullopt);
    EXPECT_EQ(config.declared_secrets()->paths(), (DeclaredPaths{{"sender"}, {"missing"}, {"other"}}));
}

class Dated {
public:
    Dated(const JsonDict&, ModuleApi&) {}
    static constexpr const char* version = "3.1";
};

TEST(ModuleVersionTest, IsTheClasssOrTheLibrarysOrNone) {
    EXPECT_STREQ(modapi::definition_of<Dated>().version, "3.1");
    EXPECT_STREQ(modapi::definition_of<Dated>("1.0").version, "3.1");
    EXPECT_STREQ(modapi::definition_of<Careful>("1.0").version, "1.0");
    EXPECT_EQ(modapi::definition_of<Careful>().version, nullptr);
    WorkerUnderTest host;
    host.construct<Dated, Careful>(careful_config);
    EXPECT_EQ(host.worker.module_statistics().at(0).version, "3.1");
    EXPECT_EQ(host.worker.module_statistics().at(1).version, "");
}

}  // namespace
