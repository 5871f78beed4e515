#include "worker_under_test.h"

#include <callbacks/client_event.h>
#include <callbacks/remembered_fields.h>

#include <async/sleep.h>

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// What a module wrote that depends on the event only, and says that it doesn't any more.
namespace unsigned_changed_test {

using namespace std::chrono_literals;
using callbacks::Event;
using callbacks::JsonDict;
using callbacks::UnsignedWriter;
using modapi::ModuleApi;

/// Says how often it was asked; the last one made is the one a test speaks to.
class Counting {
public:
    Counting(JsonDict config, ModuleApi& api) : config_(std::move(config)), api_(api) {
        if (config_.contains("each_time")) {
            api.register_add_extra_fields_to_unsigned_client_event_callbacks(
                {.add_field_to_unsigned_callback = async::bind<&Counting::count>(this)});
        } else {
            api.register_add_extra_fields_to_unsigned_client_event_callbacks(
                {.add_field_to_unsigned_callback = {async::bind<&Counting::count>(this), callbacks::EventInterest(),
                                                    callbacks::once_per_event}});
        }
        last = this;
    }
    ~Counting() { ++gone; }
    Counting(const Counting&) = delete;
    Counting& operator=(const Counting&) = delete;

    async::task<void> changed() { return api_.unsigned_changed(); }
    async::task<void> changed(std::string event_id) { return api_.unsigned_changed(std::move(event_id)); }

    static inline Counting* last = nullptr;
    static inline int gone = 0;
    static inline int begun = 0;

private:
    async::task<void> count(const Event&, UnsignedWriter& out) {
        ++begun;
        if (config_.contains("slow")) co_await async::sleep_for(1s);
        out.add(config_.contains("name") ? std::string(config_.at("name").as_string()) : std::string("asked"), ++asked_);
    }

    JsonDict config_;
    ModuleApi& api_;
    int asked_ = 0;
};

std::unique_ptr<callbacks::ClientEvent> event(const std::string& id) {
    callbacks::EventFields fields;
    fields.event_id = id;
    fields.room_id = "!room:example.org";
    fields.type = "m.room.message";
    fields.sender = "@alice:example.org";
    callbacks::ClientEventText text;
    text.member("room_id", fields.room_id);
    text.end_long_form();
    text.member("type", fields.type);
    text.begin_unsigned();
    text.end_before_number("age");
    return std::make_unique<callbacks::ClientEvent>(Event(std::move(fields)), text);
}

async::task<std::string> written(modapi::ModuleHost& worker, const callbacks::ClientEvent& about) {
    callbacks::ClientEvents writer;
    std::vector<callbacks::OutgoingEvent> outgoing(1);
    outgoing.front().event = &about;
    const std::string_view text = co_await writer.write(worker.hooks().unsigned_section, outgoing);
    co_return std::string(text);
}
std::int64_t asked_in(const std::string& text, const char* name = "asked") {
    return boost::json::parse(text).at("unsigned").at(name).as_int64();
}

class UnsignedChangedTest : public testing::Test {
protected:
    UnsignedChangedTest() { Counting::gone = Counting::begun = 0; }

    std::int64_t asked(WorkerUnderTest& worker, const callbacks::ClientEvent& about) {
        return asked_in(worker.wait(written(worker.worker, about)));
    }

    std::unique_ptr<callbacks::ClientEvent> a = event("$a");
    std::unique_ptr<callbacks::ClientEvent> b = event("$b");
};

TEST_F(UnsignedChangedTest, ReachesTheSameModuleOnOtherWorkersForOneEventOrForAll) {
    modapi::InProcessInvalidationBus bus;
    WorkerUnderTest here{modapi::WorkerSettings(), &bus};
    WorkerUnderTest there{modapi::WorkerSettings(), &bus};
    here.construct<Counting>();
    Counting* const module = Counting::last;
    there.construct<Counting>();
    for (int turn = 0; turn < 2; ++turn) {
        EXPECT_EQ(asked(here, *a), 1);
        EXPECT_EQ(asked(here, *b), 2);
        EXPECT_EQ(asked(there, *a), 1);
        EXPECT_EQ(asked(there, *b), 2);
    }
    here.wait(module->changed("$b"));
    EXPECT_EQ(asked(here, *b), 3) << "at once on the worker that says so";
    EXPECT_EQ(asked(here, *a), 1);
    there.run_ready();
    EXPECT_EQ(asked(there, *b), 3);
    EXPECT_EQ(asked(there, *a), 1);
    here.wait(module->changed());
    EXPECT_EQ(asked(here, *a), 4);
    EXPECT_EQ(asked(here, *b), 5);
    there.run_ready();
    EXPECT_EQ(asked(there, *b), 4);
    here.run_ready();
    EXPECT_EQ(asked(here, *a), 4) << "and not a second time here";
}

TEST_F(UnsignedChangedTest, ByAModuleThatDoesNotSayTheWordIsAnErrorThatNamesIt) {
    WorkerUnderTest here;
    here.construct<Counting>("{each_time: true}");
    EXPECT_EQ(asked(here, *a), 1);
    EXPECT_EQ(asked(here, *a), 2);
    try {
        here.wait(Counting::last->changed());
        FAIL();
    } catch (const std::logic_error& error) {
        EXPECT_EQ(std::string(error.what()),
                  "unsigned_changed: no add_field_to_unsigned of module test.Module0 was registered with callbacks::once_per_event: "
                  "nothing of it is remembered");
    }
}

/// A worker whose list of modules changes while it serves.
class RememberedReload : public UnsignedChangedTest {
protected:
    RememberedReload() { resolver.add<Counting>("my.Counting"); }
    static std::string list(const std::string& config) {
        return "modules:\n  - {module: my.Counting, config: {" + config + "}}\n";
    }
    void change_to(const std::string& entries) {
        const auto file = modapi::ConfigurationFile::parse(entries, "next.yaml");
        const std::vector<modapi::ConfiguredModule> modules =
            modapi::configure_modules(file, resolver, [](const std::string&) {});
        static_cast<void>(under_test.worker.build_next(modules));
        under_test.wait(under_test.worker.start_next());
        under_test.worker.hand_over();
        under_test.worker.serve_next();
    }

    /// Somebody wants an event and leaves before the module has answered.
    void ask_and_leave() {
        const auto asking = under_test.time.start(written(under_test.worker, *a));
        under_test.run_ready();
        asking.cancel(async::cancel_reason::caller_gone);
        under_test.run_ready();
        EXPECT_TRUE(asking.failed());
    }

    modapi::ModuleResolver resolver{{TEST_MODULES}};
    WorkerUnderTest under_test;
};

TEST_F(RememberedReload, WhatTheReplacedInstanceWroteIsForgotten) {
    under_test.construct_from(list("name: old"), resolver);
    for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(asked_in(under_test.wait(written(under_test.worker, *a)), "old"), 1);
    change_to(list("name: new"));
    for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(asked_in(under_test.wait(written(under_test.worker, *a)), "new"), 1);
    under_test.wait(Counting::last->changed("$a"));
    EXPECT_EQ(asked_in(under_test.wait(written(under_test.worker, *a)), "new"), 2);
    under_test.run_ready();
    EXPECT_EQ(Counting::gone, 1);
}

TEST_F(RememberedReload, TheReplacedInstanceStaysUntilItHasAnsweredEvenIfNobodyWaitsForIt) {
    under_test.construct_from(list("name: old, slow: true"), resolver);
    ask_and_leave();
    EXPECT_EQ(Counting::begun, 1);
    change_to(list("name: new"));
    under_test.run_ready();
    EXPECT_EQ(Counting::gone, 0);
    EXPECT_EQ(asked_in(under_test.wait(written(under_test.worker, *a)), "new"), 1);
    under_test.advance(1s);
    under_test.advance(1s);
    EXPECT_EQ(Counting::gone, 1);
    EXPECT_EQ(asked_in(under_test.wait(written(under_test.worker, *a)), "new"), 1);
}

TEST_F(RememberedReload, TheWorkersStopEndsAWalkThatNobodyWaitsForBeforeTheModuleGoes) {
    under_test.construct_from(list("name: old, slow: true"), resolver);
    ask_and_leave();
    under_test.stop();
    EXPECT_EQ(Counting::gone, 1);
    EXPECT_EQ(Counting::begun, 1);
}

}  // namespace unsigned_changed_test
