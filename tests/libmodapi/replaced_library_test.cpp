#include "temporary_folder.h"

#include <modapi/hosting/module_code.h>
#include <modapi/hosting/module_resolver.h>

#include <callbacks/module_exception.h>

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace {

using modapi::ModuleDefinition;
using modapi::ModuleLoadError;
using modapi::ModuleResolver;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

/// What the class says of itself, whose functions are in one of the loaded versions.
std::string said_by(const ModuleDefinition& definition) {
    return *static_cast<const std::string*>(definition.parse(definition, modapi::ConfigSection(callbacks::JsonDict())).get());
}

std::string code_of(const ModuleDefinition& definition) {
    const char* const name = modapi::module_code::library_at(reinterpret_cast<std::uintptr_t>(definition.parse));
    return name != nullptr ? name : "no module's";
}

/// A folder with one module library, in several versions one after the other.
class ReplacedLibraryTest : public ::testing::Test {
protected:
    static std::filesystem::path built(std::string_view name) { return std::filesystem::path(TEST_MODULES) / name; }
    static std::filesystem::path version(int number) { return built("version_" + std::to_string(number) + ".so"); }

    [[nodiscard]] std::filesystem::path file() const { return folder_.file("versioned.so"); }
    /// As `mv` does it.
    void move_over_it(int number) const {
        std::filesystem::copy_file(version(number), folder_.file("new"));
        std::filesystem::rename(folder_.file("new"), file());
    }
    /// As `cp` does it: the same file, cut to nothing and filled again.
    void overwrite_it(int number) const {
        std::ifstream from(version(number), std::ios::binary);
        std::ofstream(file(), std::ios::binary | std::ios::trunc) << from.rdbuf();
    }
    const ModuleDefinition& resolve() { return resolver_.resolve("versioned.Versioned"); }
    std::string resolving_error() {
        try {
            static_cast<void>(resolve());
        } catch (const ModuleLoadError& error) {
            return error.what();
        }
        return "nothing was thrown";
    }

    TemporaryFolder folder_;
    ModuleResolver resolver_{{folder_.path()}};
};

TEST_F(ReplacedLibraryTest, IsLoadedOnceForEveryResolverAsLongAsTheFileIsTheSame) {
    move_over_it(1);
    const ModuleDefinition& first = resolve();
    ModuleResolver another({folder_.path()});
    EXPECT_EQ(&another.resolve("versioned.Versioned"), &first);
    EXPECT_EQ(&resolve(), &first);
    EXPECT_EQ(code_of(first), file());
}

TEST_F(ReplacedLibraryTest, IsLoadedBesideTheOldCodeWhichGoesOn) {
    move_over_it(1);
    const ModuleDefinition& old = resolve();
    EXPECT_EQ(said_by(old), "version 1, asked 1, beside it nothing");
    move_over_it(2);
    const ModuleDefinition& replaced = resolve();
    EXPECT_EQ(said_by(replaced), "version 2, asked 1, beside it nothing");
    EXPECT_EQ(said_by(old), "version 1, asked 2, beside it nothing");
    move_over_it(1);
    EXPECT_EQ(said_by(resolve()), "version 1, asked 1, beside it nothing") << "another file with the first one's content";
    EXPECT_EQ(said_by(replaced), "version 2, asked 2, beside it nothing");
}

TEST_F(ReplacedLibraryTest, IsLoadedAfterItWasOverwrittenInPlaceWhichTheOldCodeDoesntNotice) {
    move_over_it(1);
    const ModuleDefinition& old = resolve();
    overwrite_it(2);
    EXPECT_EQ(said_by(old), "version 1, asked 1, beside it nothing");
    const ModuleDefinition& overwritten = resolve();
    EXPECT_EQ(said_by(overwritten), "version 2, asked 1, beside it nothing");
    overwrite_it(1);
    EXPECT_EQ(said_by(overwritten), "version 2, asked 2, beside it nothing");
    EXPECT_EQ(said_by(resolve()), "version 1, asked 1, beside it nothing");
    std::filesystem::resize_file(file(), 0);
    EXPECT_EQ(said_by(old), "version 1, asked 2, beside it nothing");
    EXPECT_THAT(resolving_error(), EndsWith("versioned.so is not a shared library"));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator()), 1)
        << "copies are left over";
}

TEST_F(ReplacedLibraryTest, IsNeverTakenForADeletedOneWhoseNumberItMayHave) {
    for (int round = 0; round < 8; ++round) {
        move_over_it(1 + round % 2);
        EXPECT_THAT(said_by(resolve()), StartsWith("version " + std::to_string(1 + round % 2) + ", asked 1, "));
        std::filesystem::remove(file());
    }
}

TEST_F(ReplacedLibraryTest, IsNamedWithItsDateWhereACrashIsReported) {
    move_over_it(1);
    const ModuleDefinition& old = resolve();
    move_over_it(2);
    const ModuleDefinition& replaced = resolve();
    EXPECT_EQ(code_of(old), file());
    EXPECT_THAT(code_of(replaced), MatchesRegex(file().string() + " \\(written ....-..-.. ..:..:.. UTC\\)"));
}

TEST_F(ReplacedLibraryTest, FindsWhatLiesBesideItHoweverItWasReplaced) {
    move_over_it(1);
    static_cast<void>(resolve());
    EXPECT_EQ(resolving_error(), "nothing was thrown");
    move_over_it(3);
    EXPECT_THAT(resolving_error(), HasSubstr("can't be loaded: libbeside.so: cannot open shared object file"));
    std::filesystem::copy_file(built("libbeside.so"), folder_.file("libbeside.so"));
    EXPECT_EQ(said_by(resolve()), "version 3, asked 1, beside it a library");
    overwrite_it(1);
    static_cast<void>(resolve());
    overwrite_it(3);
    EXPECT_EQ(said_by(resolve()), "version 3, asked 1, beside it a library");
}

TEST_F(ReplacedLibraryTest, IsLoadedInThePlaceOfOneWhoseStaticObjectFailed) {
    for (const bool is_moved : {true, false}) {
        move_over_it(5);
        EXPECT_THAT(resolving_error(), EndsWith("can't be loaded: a static object of it failed: not today"));
        EXPECT_THAT(resolving_error(), EndsWith("can't be loaded: a static object of it failed: not today"));
        if (is_moved) {
            move_over_it(1);
        } else {
            overwrite_it(1);
        }
        EXPECT_EQ(said_by(resolve()), "version 1, asked 1, beside it nothing");
    }
}

TEST_F(ReplacedLibraryTest, KeepsNoThreadFromTheLoaderWhenAStaticObjectFails) {
    move_over_it(5);
    EXPECT_THAT(resolving_error(), EndsWith("a static object of it failed: not today"));
    const auto found = std::make_shared<std::promise<void>>();
    std::thread asking([found] {
        static_cast<void>(callbacks::library_of(found.get()));
        found->set_value();
    });
    asking.detach();  // where it can't, it never can
    EXPECT_EQ(found->get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(ReplacedLibraryTest, IsGoneWithItsFile) {
    move_over_it(1);
    static_cast<void>(resolve());
    std::filesystem::remove(file());
    EXPECT_THAT(resolving_error(), HasSubstr("nor is there a versioned.so on the module path"));
}

#ifndef __clang__  // which doesn't make such symbols
TEST_F(ReplacedLibraryTest, IsRefusedIfItsObjectsWouldBeThoseOfTheOldOne) {
    move_over_it(4);
    EXPECT_EQ(said_by(resolve()), "version 4, asked 1, beside it nothing");
    move_over_it(1);
    EXPECT_EQ(said_by(resolve()), "version 1, asked 1, beside it nothing");
    move_over_it(4);
    EXPECT_EQ(resolving_error(),
              file().string() +
                  " was replaced, and can't be loaded beside what is loaded of it: its GNU_UNIQUE symbols would "
                  "be those of the old one; build it with modapi_add_module, or with -fno-gnu-unique, or "
                  "restart the server");
}
#endif

}  // namespace
