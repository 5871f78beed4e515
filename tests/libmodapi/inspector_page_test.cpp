#include "temporary_folder.h"

#include <modapi/hosting/inspector_page.h>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

/// The page by which any host shows its modules.
namespace {

using modapi::InspectorPage;
using modapi::Response;

std::string page_header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return "missing";
}

modapi::Request asking_for_page(const std::string& tag = {}) {
    modapi::Request request = modapi::Request::of("GET", "/");
    if (!tag.empty()) request.headers.emplace_back("if-none-match", tag);
    return request;
}

TEST(InspectorPageTest, IsFoundWhereItWasBuiltAndFitsIntoAFewPackets) {
    const InspectorPage page;
    const Response html = page.answer(asking_for_page(), "");
    EXPECT_EQ(html.status, 200);
    EXPECT_EQ(page_header(html, "Content-Type"), "text/html; charset=utf-8");
    std::size_t size = html.body.size();
    // Everything that it loads is there, and it loads everything.
    for (std::size_t at = html.body.find("href=\""); at != std::string::npos; at = html.body.find("href=\"", at + 1)) {
        const std::string name = html.body.substr(at + 6, html.body.find('"', at + 6) - at - 6);
        if (name.starts_with('#')) continue;
        const Response file = page.answer(asking_for_page(), name);
        EXPECT_EQ(file.status, 200) << name;
        size += file.body.size();
    }
    EXPECT_EQ(page_header(page.answer(asking_for_page(), "inspector.js"), "Content-Type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(page_header(page.answer(asking_for_page(), "inspector.css"), "Content-Type"), "text/css; charset=utf-8");
    EXPECT_LT(size, 120'000U);
}

TEST(InspectorPageTest, GivesItsScriptsAnOriginOfTheirOwnAndLetsNobodyFrameIt) {
    const InspectorPage page;
    for (const char* const name : {"", "inspector.js", "inspector.css"}) {
        const Response file = page.answer(asking_for_page(), name);
        const std::string policy = page_header(file, "Content-Security-Policy");
        for (const char* const part : {"sandbox allow-scripts allow-forms;", "default-src 'none'", "frame-ancestors 'none'",
                                       "base-uri 'none'", "form-action 'none'"})
            EXPECT_NE(policy.find(part), std::string::npos) << name << ": " << part;
        EXPECT_EQ(policy.find("unsafe"), std::string::npos);
        EXPECT_EQ(page_header(file, "X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(page_header(file, "Referrer-Policy"), "no-referrer");
        EXPECT_EQ(page_header(file, "Access-Control-Allow-Origin"), "*") << "the opaque origin loads its modules by this";
    }
}

TEST(InspectorPageTest, IsSentOnceToWhoKeepsIt) {
    const InspectorPage page;
    const std::string tag = page_header(page.answer(asking_for_page(), ""), "ETag");
    EXPECT_EQ(page_header(page.answer(asking_for_page(), ""), "Cache-Control"), "no-cache");
    for (const std::string& list : {tag, "\"other\", W/" + tag, std::string("*")}) {
        const Response known = page.answer(asking_for_page(list), "");
        EXPECT_EQ(known.status, 304) << list;
        EXPECT_EQ(known.body, "");
        EXPECT_EQ(page_header(known, "ETag"), tag);
    }
    EXPECT_EQ(page.answer(asking_for_page("\"other\""), "").status, 200);
    EXPECT_NE(page_header(page.answer(asking_for_page(), "inspector.js"), "ETag"), tag);
}

TEST(InspectorPageTest, HasNothingElse) {
    const InspectorPage page;
    for (const char* const name : {"nothing.js", "../CMakeLists.txt", "..", "/etc/passwd", "index.html/", "INDEX.HTML"}) {
        const Response answer = page.answer(asking_for_page(), name);
        EXPECT_EQ(answer.status, 404) << name;
        EXPECT_NE(answer.body.find("M_NOT_FOUND"), std::string::npos);
    }
}

TEST(InspectorPageTest, AsksWhereItsHostSays) {
    const InspectorPage page(modapi::InspectorPaths{"/admin?\"<", "/client"});
    const std::string html = page.answer(asking_for_page(), "index.html").body;
    EXPECT_NE(html.find("data-admin=\"/admin?&quot;&lt;\" data-client=\"/client\""), std::string::npos);
    EXPECT_EQ(html.find('@' + std::string("ADMIN")), std::string::npos);
}

TEST(InspectorPageTest, IsReadFromAFolderOfTheHosts) {
    const TemporaryFolder folder;
    try {
        static_cast<void>(InspectorPage(folder.path(), {}));
        ADD_FAILURE() << "it isn't there";
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()), "the inspector's folder " + folder.path().string() + " has no index.html");
    }
    EXPECT_THROW(InspectorPage(folder.path() / "nowhere", {}), std::runtime_error);
    folder.write("index.html", "at @ADMIN@");
    folder.write("notes.txt", "not served");
    const InspectorPage page(folder.path(), {});
    EXPECT_EQ(page.answer(asking_for_page(), "").body, "at ../v1");
    EXPECT_EQ(page.answer(asking_for_page(), "notes.txt").status, 404);
}

}  // namespace
