#include "private_directories.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace {

std::filesystem::path made_an_hour_ago() {
    std::string name = modapi::private_directory_template().string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    std::filesystem::create_directory(std::filesystem::path(name) / "within");
    std::filesystem::last_write_time(name, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    return name;
}

TEST(PrivateDirectories, AreRemovedWhereTheirServerWasKilledAndStayWhereOneRuns) {
    const std::filesystem::path left_over = made_an_hour_ago();
    const std::filesystem::path used = made_an_hour_ago();
    std::string young = modapi::private_directory_template().string();
    ASSERT_NE(::mkdtemp(young.data()), nullptr);
    {
        const modapi::OwnedDescriptor lock = modapi::locked_directory(used);
        modapi::remove_left_over_directories();
        EXPECT_FALSE(std::filesystem::exists(left_over));
        EXPECT_TRUE(std::filesystem::exists(used / "within"));
        EXPECT_TRUE(std::filesystem::exists(young)) << "it may have no lock yet";
    }
    modapi::remove_left_over_directories();
    EXPECT_FALSE(std::filesystem::exists(used));
    std::filesystem::remove(young);
}

}  // namespace
