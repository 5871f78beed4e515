#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace modapi {

/// Where an entry of `modules:` runs, of all processes of a server: its `run_on`. Everywhere, if nothing is said.
class Placement {
public:
    Placement() = default;
    /// Where the background work is done: on one worker of one process, which may become another one.
    [[nodiscard]] static Placement background() {
        Placement placement;
        placement.kind_ = Kind::background;
        return placement;
    }
    /// On all workers of the processes of these names, of which `main` is the one without a name.
    [[nodiscard]] static Placement on(std::set<std::string, std::less<>> processes) {
        Placement placement;
        placement.kind_ = Kind::named;
        placement.processes_ = std::move(processes);
        return placement;
    }

    [[nodiscard]] bool is_everywhere() const noexcept { return kind_ == Kind::everywhere; }
    /// Whether a worker of that process has an instance; empty: that is the main one. `runs_background_tasks`: the worker does.
    [[nodiscard]] bool runs_on(std::string_view process, bool runs_background_tasks) const noexcept;
    /// As in a configuration: `all`, `background`, `main, worker1`.
    [[nodiscard]] std::string text() const;
    bool operator==(const Placement&) const = default;

private:
    enum class Kind { everywhere, background, named };

    Kind kind_ = Kind::everywhere;
    std::set<std::string, std::less<>> processes_;
};

}  // namespace modapi
