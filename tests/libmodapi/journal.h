#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// What happened, on any thread, in order.
class Journal {
public:
    using Lines = std::vector<std::string>;

    void note(std::string line) {
        const std::scoped_lock lock(mutex_);
        lines_.push_back(std::move(line));
    }
    [[nodiscard]] Lines take() {
        const std::scoped_lock lock(mutex_);
        return std::exchange(lines_, Lines());
    }
    [[nodiscard]] Lines lines() const {
        const std::scoped_lock lock(mutex_);
        return lines_;
    }
    [[nodiscard]] static bool has(const Lines& lines, const std::string& line) {
        return std::find(lines.begin(), lines.end(), line) != lines.end();
    }

private:
    mutable std::mutex mutex_;
    Lines lines_;
};
