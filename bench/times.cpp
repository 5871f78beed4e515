#include "allocation_count.h"
#include "scenario.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

/// Times and allocations of every scenario, through Google Benchmark.
namespace {

void measure(benchmark::State& state, const bench::Scenario& scenario) {
    const std::function<void(std::size_t)> run = scenario.prepare();
    constexpr std::size_t at_once = 10'000;
    const bool is_large = scenario.name.ends_with("/100000") || scenario.name.ends_with("/10000");
    const std::size_t count = is_large ? 10 * at_once : at_once;
    run(count);
    const std::size_t before = bench::allocation_count();
    std::size_t done = 0;
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
        run(count);
        done += count;
    }
    const auto made = static_cast<double>(bench::allocation_count() - before);
    // What a run of ten thousand needs by itself isn't the event's: the call that starts it.
    state.counters["allocations"] = made / static_cast<double>(done);
}

/// The same on every thread at once; nothing is shared but the code.
void measure_workers(benchmark::State& state, const bench::Scenario& scenario) {
    const std::function<void(std::size_t)> run = scenario.prepare();
    constexpr std::size_t count = 10'000;
    run(count);
    std::size_t done = 0;
    for (auto _ : state) {
        run(count);
        done += count;
    }
    state.counters["events"] = benchmark::Counter(static_cast<double>(done), benchmark::Counter::kIsRate);
    state.counters["allocations"] = 0;
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<bench::Scenario> scenarios = bench::all_scenarios();
    bench::add_decision_scenarios(scenarios);
    bench::add_response_scenarios(scenarios);
    for (const bench::Scenario& scenario : scenarios) {
        benchmark::RegisterBenchmark(scenario.name.c_str(), [scenario](benchmark::State& state) { measure(state, scenario); });
        if (scenario.name != "direct/3") continue;
        const auto workers = [scenario](benchmark::State& state) { measure_workers(state, scenario); };
        benchmark::RegisterBenchmark("workers", workers)->Threads(1)->Threads(2)->UseRealTime();
    }
    benchmark::Initialize(&count, arguments);
    if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
