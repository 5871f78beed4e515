#include "log_capture.h"

#include <modapi/hosting/watchdog.h>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

TEST(WatchdogTest, NamesTheCallbackThatBlocksItsThreadAndSaysWhenItEnds) {
    const LogCapture log;
    const async::callback_identity identity("slow.Module", "check_event_for_spam");
    std::atomic<const async::callback_identity*> on_stack{nullptr};
    modapi::Watchdog watchdog;
    watchdog.watch(on_stack, 20ms);
    on_stack = &identity;
    EXPECT_TRUE(log.wait_for("warning: module slow.Module, check_event_for_spam, blocks its thread for"));
    on_stack = nullptr;
    EXPECT_TRUE(log.wait_for("module slow.Module, check_event_for_spam, gave its thread back after about"));
    watchdog.forget(on_stack);
}

TEST(WatchdogTest, WarnsOncePerBlockedRun) {
    const LogCapture log;
    const async::callback_identity first("first.Module", "check_event_for_spam");
    const async::callback_identity second("second.Module", "on_new_event");
    std::atomic<const async::callback_identity*> on_stack{&first};
    modapi::Watchdog watchdog;
    watchdog.watch(on_stack, 10ms);
    EXPECT_TRUE(log.wait_for("first.Module, check_event_for_spam, blocks"));
    on_stack = &second;
    EXPECT_TRUE(log.wait_for("second.Module, on_new_event, blocks"));
    const std::string text = log.text();
    EXPECT_EQ(text.find("first.Module, check_event_for_spam, blocks"),
              text.rfind("first.Module, check_event_for_spam, blocks"));
}

}  // namespace
