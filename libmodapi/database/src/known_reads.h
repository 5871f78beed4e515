#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace modapi {

/// Which interactions that only read ask for all they need at once: those that did so each of the last times. Their
/// transaction can end in the message that it begins with, so that the server is waited for once.
///
/// One that then asks for more is run again, and not taken for such a one for long. Thread: any. Memory: bounded.
class KnownReads {
public:
    /// `desc`: the interaction's name.
    [[nodiscard]] bool asks_once(std::string_view desc) const;
    /// `messages`: how many it took to ask.
    void learn(std::string_view desc, std::size_t messages);

private:
    mutable std::mutex mutex_;
    std::map<std::string, int, std::less<>> once_in_a_row_;  ///< negative behind one that asked more often
};

}  // namespace modapi
