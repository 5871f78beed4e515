#include <async/operation.h>

#include <async/scope.h>
#include <async/sync_wait.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace operation_test {

class named_operation : public async::operation {
public:
    named_operation(const async::context& outer, std::string name) : operation(outer), name_(std::move(name)) {}
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
};
class other_operation : public async::operation {
public:
    using operation::operation;
};

async::task<std::string> name_around() {
    const async::context& here = co_await async::this_context;
    const named_operation* const around = async::innermost<named_operation>(here);
    if (around == nullptr) co_return "nothing";
    co_return around->name();
}

async::task<std::string> names_from_within() {
    const async::context& here = co_await async::this_context;
    named_operation outer(here, "outer");
    other_operation between(outer.here());
    named_operation inner(between.here(), "inner");
    const std::string nowhere = co_await name_around();
    const std::string in_outer = co_await name_around().in(outer.here());
    const std::string in_between = co_await name_around().in(between.here());
    const std::string in_inner = co_await name_around().in(inner.here());
    co_return nowhere + " " + in_outer + " " + in_between + " " + in_inner;
}

TEST(OperationTest, TheInnermostOneOfItsKindIsFoundFromInside) {
    EXPECT_EQ(async::sync_wait(names_from_within()), "nothing outer outer inner");
}

async::task<void> note_name_around(std::string& found) { found = co_await name_around(); }

async::task<void> spawn(async::scope& background, std::string& found) {
    background.spawn("note", note_name_around(found));
    co_return;
}

async::task<void> spawn_from_within(async::scope& background, std::string& found) {
    const async::context& here = co_await async::this_context;
    named_operation around(here, "around");
    co_await spawn(background, found).in(around.here());
    co_await background.join();
}

TEST(OperationTest, WhatIsStartedElsewhereFromInsideIsNotInside) {
    async::testing::simulation time;
    async::scope background(time.environment(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
    std::string found;
    time.run(spawn_from_within(background, found));
    EXPECT_EQ(found, "nothing");
}

}  // namespace operation_test
