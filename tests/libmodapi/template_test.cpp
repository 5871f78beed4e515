#include "temporary_folder.h"

#include <modapi/template.h>

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

namespace {

using modapi::Template;
using testing::HasSubstr;

std::string rendered(const std::string& file, const std::string& text, const std::string& values) {
    return Template(file, text).render(boost::json::parse(values).as_object());
}

TEST(TemplateTest, FillsInValues) {
    EXPECT_EQ(rendered("t.txt", "Hello {{name}}, {{a.b}}, {{number}}, {{real}}!",
                       R"({"name":"Ann","a":{"b":"c"},"number":-5,"real":1.5})"),
              "Hello Ann, c, -5, 1.5E0!");
    EXPECT_EQ(rendered("t.txt", "{{missing}}|{{none}}|{{yes}}{{! a comment }}", R"({"none":null,"yes":true})"), "||");
}

TEST(TemplateTest, LeavesOutSectionsThatAreNotSo) {
    const std::string text = "{{#x}}yes{{/x}}{{^x}}no{{/x}}";
    EXPECT_EQ(rendered("t.txt", text, "{}"), "no");
    EXPECT_EQ(rendered("t.txt", text, R"({"x":null})"), "no");
    EXPECT_EQ(rendered("t.txt", text, R"({"x":false})"), "no");
    EXPECT_EQ(rendered("t.txt", text, R"({"x":[]})"), "no");
    EXPECT_EQ(rendered("t.txt", text, R"({"x":true})"), "yes");
    EXPECT_EQ(rendered("t.txt", text, R"({"x":"text"})"), "yes");
    EXPECT_EQ(rendered("t.txt", "{{#list}}<{{name}}>{{/list}}", R"({"list":[{"name":"a"},{"name":"b"}]})"), "<a><b>");
    EXPECT_EQ(rendered("t.txt", "{{#list}}{{.}},{{/list}}", R"({"list":["a","b"]})"), "a,b,");
}

TEST(TemplateTest, EscapesWhatHtmlWouldReadInHtmlOnly) {
    const std::string value = R"({"v":"<b>&\"'"})";
    for (const char* file : {"t.html", "t.htm", "t.xml"})
        EXPECT_EQ(rendered(file, "{{v}} {{{v}}} {{&v}}", value), "&lt;b&gt;&amp;&quot;&apos; <b>&\"' <b>&\"'") << file;
    EXPECT_EQ(rendered("t.txt", "{{v}}", value), "<b>&\"'");
}

TEST(TemplateTest, NeverRunsWhatAUserWrote) {
    EXPECT_EQ(rendered("t.html", "{{v}}", R"({"v":"{{secret}}","secret":"x"})"), "{{secret}}");
    try {
        static_cast<void>(rendered("t.html", "{{> v}}", R"({"v":"{{secret}}","secret":"x"})"));
        FAIL() << "a value became a template";
    } catch (const modapi::TemplateError& error) {
        EXPECT_STREQ(error.what(), "t.html: {{> v}}: templates are not put into others here");
    }
    EXPECT_EQ(rendered("t.html", "{{v}}", R"({"v":"ok"})"), "ok");
}

class BadTemplateTest : public testing::TestWithParam<const char*> {};

TEST_P(BadTemplateTest, IsNamedWithItsFile) {
    try {
        const Template parsed("page.html", GetParam());
        FAIL() << parsed.render({});
    } catch (const modapi::TemplateError& error) {
        EXPECT_THAT(error.what(), testing::StartsWith("page.html: "));
    }
}

INSTANTIATE_TEST_SUITE_P(Each, BadTemplateTest,
                         testing::Values("{{name", "{{#open}}", "{{/closed}}", "{{#a}}{{/b}}", "{{=x=", "{{{name}}"));

TEST(ReadTemplatesTest, TakesEachFileFromTheFirstFolderThatHasIt) {
    const TemporaryFolder first;
    const TemporaryFolder second;
    first.write("a.txt", "first a");
    second.write("a.txt", "second a");
    second.write("b.txt", "second b");
    const std::vector<Template> templates = modapi::read_templates({"b.txt", "a.txt"}, {first.path(), second.path()});
    ASSERT_EQ(templates.size(), 2U);
    EXPECT_EQ(templates[0].render({}), "second b");
    EXPECT_EQ(templates[1].render({}), "first a");
    EXPECT_EQ(templates[1].file(), first.file("a.txt"));
}

TEST(ReadTemplatesTest, SaysWhichFileIsNowhere) {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder.file("folder.html"));
    for (const std::string name : {"none.html", "folder.html"}) {
        try {
            static_cast<void>(modapi::read_templates({name}, {folder.path()}));
            FAIL() << name;
        } catch (const modapi::TemplateNotFound& error) {
            EXPECT_EQ(error.name(), name);
            EXPECT_EQ(error.what(), "there is no template " + name + ": looked in " + folder.path().string());
        }
    }
    EXPECT_THROW(static_cast<void>(modapi::read_templates({"a"}, {})), modapi::TemplateNotFound);
}

}  // namespace
