#include "python_worker.h"

#include <async/sleep.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

/// What a callback of a Python module costs that answers at once, from the host's hook and back. Prints, decides nothing.
///
/// usage: python_bridge_round_trip [CALLS]
namespace {

using microseconds = std::chrono::duration<double, std::micro>;

async::task<std::vector<double>> measured(modapi::ModuleHost& worker, int calls, std::chrono::microseconds period) {
    std::vector<double> times;
    times.reserve(static_cast<std::size_t>(calls));
    const std::string user = "@nothing:example.org";
    const callbacks::JsonDict config;
    auto next = std::chrono::steady_clock::now();
    for (int call = 0; call < calls; ++call) {
        next += period;
        if (period.count() > 0) co_await async::sleep_for(next - std::chrono::steady_clock::now());
        const auto begin = std::chrono::steady_clock::now();
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.user_may_create_room(user, config);
        times.push_back(microseconds(std::chrono::steady_clock::now() - begin).count());
        if (verdict.is_spam()) std::abort();
    }
    co_return times;
}

void print(const char* name, std::vector<double> times) {
    std::sort(times.begin(), times.end());
    std::printf("%-24s median %6.1f us, 90 %% %6.1f us, 99 %% %6.1f us, %zu calls\n", name, times[times.size() / 2],
                times[times.size() * 9 / 10], times[times.size() * 99 / 100], times.size());
}

}  // namespace

int main(int count, char** arguments) {
    const int calls = count > 1 ? std::atoi(arguments[1]) : 5000;
    PythonWorker modules;
    modules.construct("  - module: deadly.Deadly\n");
    constexpr int to_warm_up = 500;
    static_cast<void>(modules.wait(measured(*modules.worker, to_warm_up, std::chrono::microseconds(0))));
    print("back to back", modules.wait(measured(*modules.worker, calls, std::chrono::microseconds(0))));
    print("1,000 a second", modules.wait(measured(*modules.worker, calls, std::chrono::milliseconds(1))));
    return 0;
}
