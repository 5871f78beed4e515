#include "allocation_count.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

/// The same work through Asio's own coroutines.
namespace {

namespace asio = boost::asio;

/// A module's member coroutine behind a pointer to the object and one to a function, as a hook holds it.
struct Check {
    asio::awaitable<bool> (*call)(void*, const int&);
    void* object;
};

class Module {
public:
    asio::awaitable<bool> ready(const int& value) { co_return value >= 0; }
    asio::awaitable<bool> suspending(const int& value) {
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::post(executor, asio::use_awaitable);
        co_return value >= 0;
    }
};

template <auto Method>
Check check_of(Module& module) {
    return Check{[](void* object, const int& value) { return (static_cast<Module*>(object)->*Method)(value); }, &module};
}

asio::awaitable<bool> ask_all(const std::vector<Check>& modules, const int& value) {
    for (const Check& module : modules) {
        const bool passed = co_await module.call(module.object, value);
        if (!passed) co_return false;
    }
    co_return true;
}

asio::awaitable<void> await_one(benchmark::State& state, Check check) {
    const int value = 1;
    for (int turn = 0; turn < bench::warm_up_turns; ++turn) static_cast<void>(co_await check.call(check.object, value));
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        bool passed = co_await check.call(check.object, value);
        benchmark::DoNotOptimize(passed);
    }
}
asio::awaitable<void> await_all(benchmark::State& state, const std::vector<Check>& modules) {
    const int value = 1;
    for (int turn = 0; turn < bench::warm_up_turns; ++turn) static_cast<void>(co_await ask_all(modules, value));
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        bool passed = co_await ask_all(modules, value);
        benchmark::DoNotOptimize(passed);
    }
}

template <auto Method>
void call_one(benchmark::State& state) {
    Module module;
    Check check = check_of<Method>(module);
    benchmark::DoNotOptimize(check);
    asio::io_context io(1);
    asio::co_spawn(io, await_one(state, check), asio::detached);
    io.run();
}
template <auto Method>
void call_all(benchmark::State& state) {
    Module module;
    const std::vector<Check> modules(static_cast<std::size_t>(state.range(0)), check_of<Method>(module));
    asio::io_context io(1);
    asio::co_spawn(io, await_all(state, modules), asio::detached);
    io.run();
}
BENCHMARK(call_one<&Module::ready>)->Name("asio/ready");
BENCHMARK(call_one<&Module::suspending>)->Name("asio/suspending");
BENCHMARK(call_all<&Module::ready>)->Name("asio_loop/ready")->Arg(1)->Arg(3)->Arg(8);
BENCHMARK(call_all<&Module::suspending>)->Name("asio_loop/suspending")->Arg(1)->Arg(3)->Arg(8);

}  // namespace
