#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace modapi {

/// Which interactions that only read ask for all they need at once: those of a name that did so eight times in a row. Their
/// transaction can end in the message that it begins with, so that the server is waited for once.
///
/// One that then asks for more is run again, and its name isn't taken for such a one for a while. Thread: any. Memory: bounded.
class KnownReads {
public:
    /// `desc`: the interaction's name.
    [[nodiscard]] bool asks_once(std::string_view desc) const;
    /// `messages`: how many it took to ask.
    void learn(std::string_view desc, std::size_t messages);
    /// It was taken for one that asks once, and isn't.
    void was_wrong(std::string_view desc);

private:
    mutable std::mutex mutex_;
    std::map<std::string, int, std::less<>> once_in_a_row_;  ///< negative where it was wrong
};

}  // namespace modapi
