#include "scenario.h"

#include <cstdlib>
#include <iostream>
#include <string_view>

/// Runs one scenario a number of times and does nothing else, for a count of instructions: `instructions NAME COUNT`. Two
/// counts with different numbers give the instructions of one time, since all that surrounds it is the same.
int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: " << arguments[0] << " SCENARIO COUNT\n";
        return 2;
    }
    for (const bench::Scenario& scenario : bench::all_scenarios()) {
        if (scenario.name != arguments[1]) continue;
        const std::function<void(std::size_t)> run = scenario.prepare();
        run(static_cast<std::size_t>(std::strtoull(arguments[2], nullptr, 10)));
        return 0;
    }
    std::cerr << arguments[0] << ": no scenario " << arguments[1] << '\n';
    return 2;
}
