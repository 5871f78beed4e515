#include "temporary_folder.h"

#include <modapi/hosting/module_resolver.h>
#include <modapi/module_api.h>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace {

using modapi::ModuleLoadError;
using modapi::ModuleResolver;

const std::filesystem::path test_modules = TEST_MODULES;

std::string resolving_error(const std::filesystem::path& folder, std::string_view name) {
    ModuleResolver resolver({folder});
    try {
        static_cast<void>(resolver.resolve(name));
    } catch (const ModuleLoadError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream input(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(input), {}};
}

/// Runs with TRACE_FILE set; true if the library's static initializers ran.
bool was_loaded(std::string_view name, std::string& error) {
    const TemporaryFolder folder;
    setenv("TRACE_FILE", folder.file("trace").c_str(), 1);
    error = resolving_error(test_modules, name);
    unsetenv("TRACE_FILE");
    return std::filesystem::exists(folder.file("trace"));
}

TEST(ModuleResolverTest, FindsAClassInASharedLibrary) {
    ModuleResolver resolver({"/nonexistent", test_modules});
    const modapi::ModuleDefinition& definition = resolver.resolve("good_module.GoodModule");
    EXPECT_NE(definition.construct, nullptr);
    EXPECT_EQ(&definition, &resolver.resolve("good_module.GoodModule"));
    EXPECT_NE(&definition, &resolver.resolve("good_module.SecondModule"));
}

struct CompiledIn {
    CompiledIn(const modapi::ConfigSection&, modapi::ModuleApi&) {}
};

TEST(ModuleResolverTest, PrefersAClassThatIsCompiledIn) {
    ModuleResolver resolver({test_modules});
    resolver.add<CompiledIn>("good_module.GoodModule");
    EXPECT_EQ(resolver.resolve("good_module.GoodModule").parse, modapi::definition_of<CompiledIn>().parse);
}

TEST(ModuleResolverTest, RefusesAnotherAbiBeforeAnythingInTheLibraryRuns) {
    std::string error;
    EXPECT_FALSE(was_loaded("foreign_module.ForeignModule", error));
    EXPECT_NE(error.find("foreign_module.so has another binary interface, \"modapi abi 99; gcc 47"), std::string::npos)
        << error;
    EXPECT_NE(error.find("than this server, \"" MODAPI_ABI_STRING "\"; rebuild it"), std::string::npos) << error;
}

TEST(ModuleResolverTest, RefusesALibraryThatWasBuiltAgainstOtherHeadersBeforeItRuns) {
    std::string error;
    EXPECT_FALSE(was_loaded("changed_headers_module.MarkedModule", error));
    const std::string file = (test_modules / "changed_headers_module.so").string();
    EXPECT_TRUE(error.starts_with(file + " was built against other headers of the framework, ")) << error;
    EXPECT_NE(error.find(", than this server, "), std::string::npos) << error;
    EXPECT_TRUE(error.ends_with("; rebuild it against this server's headers")) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST(ModuleResolverTest, RefusesALibraryThatNobodyMarkedWithItsHeaders) {
    std::string error;
    EXPECT_FALSE(was_loaded("by_hand_module.MarkedModule", error));
    EXPECT_NE(error.find("by_hand_module.so doesn't say which headers it was built against; build it with modapi_add_module"),
              std::string::npos)
        << error;
}

TEST(ModuleResolverTest, RefusesALibraryWhoseStandardLibraryHasAnotherLayout) {
    std::string error;
    EXPECT_FALSE(was_loaded("debug_mode_module.MarkedModule", error));
    EXPECT_NE(error.find("debug_mode_module.so has another binary interface, \"" MODAPI_ABI_STRING "; _GLIBCXX_DEBUG\", than"),
              std::string::npos)
        << error;
}

TEST(ModuleResolverTest, TakesALibraryThatWasOptimizedOtherwise) {
    std::string error;
    EXPECT_TRUE(was_loaded("other_options_module.MarkedModule", error));
    EXPECT_EQ(error, "nothing was thrown");
}

TEST(ModuleResolverTest, RefusesALibraryWithItsOwnCopyOfTheFrameworkBeforeItRuns) {
    std::string error;
    EXPECT_FALSE(was_loaded("copying_module.CopyingModule", error));
    EXPECT_NE(error.find("copying_module.so brings its own copy of the framework; link it to the shared libraries"),
              std::string::npos)
        << error;
}

TEST(ModuleResolverTest, RefusesALibraryWithoutAMarkBeforeItRuns) {
    std::string error;
    EXPECT_FALSE(was_loaded("unmarked_module.UnmarkedModule", error));
    EXPECT_NE(error.find("unmarked_module.so is not a module library"), std::string::npos) << error;
}

TEST(ModuleResolverTest, RefusesALibraryThatNeedsAnotherFrameworkLibrary) {
    const TemporaryFolder folder;
    std::string library = content_of(test_modules / "good_module.so");
    const std::size_t at = library.find("libmodapi.so");
    ASSERT_NE(at, std::string::npos);
    library[at + std::string("libmodapi").size()] = '_';
    const std::string needed(library.c_str() + at);  // with the version, up to the NUL
    folder.write("good_module.so", library);
    const std::string error = resolving_error(folder.path(), "good_module.GoodModule");
    EXPECT_NE(error.find("needs " + needed + ", a framework library that this server doesn't run with"), std::string::npos)
        << error;
}

TEST(ModuleResolverTest, SaysWhichClassesALibraryHas) {
    EXPECT_EQ(resolving_error(test_modules, "good_module.Missing"),
              (test_modules / "good_module.so").string() + " has no class Missing; it has GoodModule, SecondModule");
}

TEST(ModuleResolverTest, RefusesNamesThatAreNone) {
    EXPECT_NE(resolving_error(test_modules, "../good_module.GoodModule").find("can't be the name of a library"), std::string::npos);
    EXPECT_NE(resolving_error(test_modules, ".GoodModule").find("can't be the name of a library"), std::string::npos);
    EXPECT_NE(resolving_error(test_modules, "good_module.").find("can't be the name of a class"), std::string::npos);
    EXPECT_NE(
        resolving_error(test_modules, "missing.Class").find("nor is there a missing.so on the module path (" + test_modules.string() + ")"),
        std::string::npos);
}

TEST(ModuleResolverTest, RefusesGarbageAndEveryTruncationWithoutReadingOutOfBounds) {
    const TemporaryFolder folder;
    folder.write("garbage.so", "this is no library at all, but long enough to hold a header of one, if that were all it took");
    EXPECT_NE(resolving_error(folder.path(), "garbage.X").find("garbage.so is not a shared library"), std::string::npos);
    folder.write("empty.so", "");
    EXPECT_NE(resolving_error(folder.path(), "empty.X").find("empty.so is not a shared library"), std::string::npos);
    const std::string library = content_of(test_modules / "good_module.so");
    for (const std::size_t eighth : {1U, 2U, 3U, 4U, 5U, 6U, 7U}) {
        folder.write("cut.so", library.substr(0, library.size() * eighth / 8));
        EXPECT_NE(resolving_error(folder.path(), "cut.GoodModule"), "nothing was thrown");
    }
    for (const std::size_t size : {4U, 16U, 63U, 64U}) {
        folder.write("cut.so", library.substr(0, size));
        EXPECT_NE(resolving_error(folder.path(), "cut.GoodModule").find("is truncated or damaged"), std::string::npos);
    }
}

TEST(ModuleResolverTest, RefusesDamagedHeadersAndTables) {
    const TemporaryFolder folder;
    const std::string library = content_of(test_modules / "good_module.so");
    // Section table offset, count and string table index, each as large as can be.
    for (const std::size_t at : {0x28U, 0x3cU, 0x3eU}) {
        std::string damaged = library;
        damaged[at] = damaged[at + 1] = '\xff';
        folder.write("damaged.so", damaged);
        EXPECT_NE(resolving_error(folder.path(), "damaged.GoodModule"), "nothing was thrown");
    }
}

}  // namespace
