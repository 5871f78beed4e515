#include "allocation_count.h"

#include <vector>

/// The floor: what the same work costs without a framework.
namespace {

/// A module as one would call it by hand: an object and a function.
struct Module {
    bool (*check)(void*, const int&);
    void* object;
};

[[gnu::noinline]] bool pass(void*, const int& value) { return value >= 0; }

/// One indirect call: the floor of awaiting one hook.
void bare_call(benchmark::State& state) {
    Module module{&pass, nullptr};
    benchmark::DoNotOptimize(module);
    const int value = 1;
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        bool passed = module.check(module.object, value);
        benchmark::DoNotOptimize(passed);
    }
}
BENCHMARK(bare_call);

/// A loop over modules that ends at the first refusal: the floor of a dispatcher.
void hand_loop(benchmark::State& state) {
    std::vector<Module> modules(static_cast<std::size_t>(state.range(0)), Module{&pass, nullptr});
    benchmark::DoNotOptimize(modules.data());
    const int value = 1;
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        bool passed = true;
        for (const Module& module : modules) {
            if (!module.check(module.object, value)) {
                passed = false;
                break;
            }
        }
        benchmark::DoNotOptimize(passed);
    }
}
BENCHMARK(hand_loop)->Arg(1)->Arg(3)->Arg(8);

}  // namespace
