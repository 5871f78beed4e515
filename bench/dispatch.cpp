#include "allocation_count.h"

#include <async/bind.h>
#include <async/combine.h>
#include <async/dispatch.h>
#include <async/error_rule.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <string>

namespace {

using check = async::dispatch<"check", bool(const int&), async::first_not<true>, async::propagate>;
using check_hook = async::hook<bool(const int&)>;

class Module {
public:
    [[gnu::noinline]] bool plain(const int& value) { return value >= 0; }
    async::task<bool> ready(const int& value) { co_return value >= 0; }
    async::task<bool> suspending(const int& value) {
        co_await async::reschedule();
        co_return value >= 0;
    }
};

async::task<void> await_hook(benchmark::State& state, check_hook hook) {
    const int value = 1;
    for (int turn = 0; turn < bench::warm_up_turns; ++turn) static_cast<void>(co_await hook(value));
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        bool passed = co_await hook(value);
        benchmark::DoNotOptimize(passed);
    }
}

template <auto Method>
void hook_call(benchmark::State& state) {
    Module module;
    const auto target = async::bind<Method>(&module);
    check_hook hook = check_hook::holding(target);
    benchmark::DoNotOptimize(hook);
    async::sync_wait(await_hook(state, hook));
}
BENCHMARK(hook_call<&Module::plain>)->Name("hook/plain");
BENCHMARK(hook_call<&Module::ready>)->Name("hook/ready");
BENCHMARK(hook_call<&Module::suspending>)->Name("hook/suspending");

async::task<void> await_dispatch(benchmark::State& state, const check& dispatcher) {
    const int value = 1;
    for (int turn = 0; turn < bench::warm_up_turns; ++turn) static_cast<void>(co_await dispatcher(value));
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        bool passed = co_await dispatcher(value);
        benchmark::DoNotOptimize(passed);
    }
}

template <auto Method>
void dispatch_call(benchmark::State& state) {
    Module module;
    check dispatcher;
    async::dispatch_settings settings;
    for (int count = 0; count < state.range(0); ++count) {
        dispatcher.add("module", async::bind<Method>(&module), &settings);
    }
    async::sync_wait(await_dispatch(state, dispatcher));
}
BENCHMARK(dispatch_call<&Module::plain>)->Name("dispatch/plain")->Arg(0)->Arg(1)->Arg(3)->Arg(8);
BENCHMARK(dispatch_call<&Module::ready>)->Name("dispatch/ready")->Arg(1)->Arg(3)->Arg(8);
BENCHMARK(dispatch_call<&Module::suspending>)->Name("dispatch/suspending")->Arg(1)->Arg(3)->Arg(8);

}  // namespace
