#include <async/hook.h>
#include <async/sleep.h>
#include <async/testing/virtual_time.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace hook_test {

using greet = std::string(const std::string&);
using greet_hook = async::owned_hook<greet>;

class Greeter {
public:
    async::task<std::string> later(const std::string& name) {
        co_await async::reschedule();
        co_return "later " + name;
    }
    std::string now(const std::string& name) { return "now " + name; }
    const char* convertible(const std::string&) { return "text"; }
    async::task<const char*> convertible_later(const std::string&) { co_return "text later"; }
};

std::string free_function(const std::string& name) { return "free " + name; }

async::task<std::string> call(const greet_hook& hook, std::string name) { co_return co_await hook.get()(name); }

std::string called(const greet_hook& hook) {
    async::testing::simulation time;
    return time.run(call(hook, "alice"));
}

TEST(Hook, TakesFunctionsAndCoroutinesAlike) {
    Greeter greeter;
    EXPECT_EQ(called(async::bind<&Greeter::later>(&greeter)), "later alice");
    EXPECT_EQ(called(async::bind<&Greeter::now>(&greeter)), "now alice");
    EXPECT_EQ(called(async::bind<&Greeter::convertible>(&greeter)), "text");
    EXPECT_EQ(called(async::bind<&Greeter::convertible_later>(&greeter)), "text later");
    EXPECT_EQ(called(&free_function), "free alice");
    EXPECT_EQ(called([](const std::string& name) { return "lambda " + name; }), "lambda alice");
}

TEST(Hook, KeepsAClosureAliveAsLongAsAnyCopy) {
    auto counter = std::make_shared<int>(0);
    greet_hook copy;
    {
        const greet_hook hook = [counter](const std::string& name) {
            ++*counter;
            return name;
        };
        copy = hook;
    }
    EXPECT_EQ(counter.use_count(), 2);
    EXPECT_EQ(called(copy), "alice");
    EXPECT_EQ(*counter, 1);
    copy = greet_hook();
    EXPECT_EQ(counter.use_count(), 1);
    EXPECT_FALSE(copy);
}

TEST(Hook, IsTwoWords) {
    EXPECT_EQ(sizeof(async::hook<std::string(const std::string&, const std::string&)>), 2 * sizeof(void*));
}

}  // namespace hook_test
