#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// Something to measure, by time or by instructions: `run(count)` does it `count` times. Made anew for every measurement.
struct Scenario {
    std::string name;
    std::function<std::function<void(std::size_t)>()> prepare;
};

/// Every event to every recipient: the framework, the floors, the other ways.
void add_framework_scenarios(std::vector<Scenario>& into);
void add_floor_scenarios(std::vector<Scenario>& into);
void add_other_scenarios(std::vector<Scenario>& into);
/// Dispatch without any work in the hooks.
void add_dispatch_scenarios(std::vector<Scenario>& into);
void add_suspension_scenarios(std::vector<Scenario>& into);
void add_cached_scenarios(std::vector<Scenario>& into);
/// What a module's denial costs. Of the program that takes times alone: it needs the whole framework, and what a program is linked to
/// changes the instructions of what it measures.
void add_decision_scenarios(std::vector<Scenario>& into);

/// The reference homeserver's responses with events. Likewise.
void add_response_scenarios(std::vector<Scenario>& into);

[[nodiscard]] inline std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> all;
    add_framework_scenarios(all);
    add_floor_scenarios(all);
    add_other_scenarios(all);
    add_dispatch_scenarios(all);
    add_suspension_scenarios(all);
    add_cached_scenarios(all);
    return all;
}

/// A scenario's name from its parts.
[[nodiscard]] inline std::string named(std::string group, std::size_t modules) {
    return group.append("/").append(std::to_string(modules));
}

/// Numbers of modules that the table shows.
inline constexpr std::size_t module_counts[] = {0, 1, 3, 8};

}  // namespace bench
