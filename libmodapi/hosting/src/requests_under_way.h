#pragma once

#include <modapi/web_resource.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace modapi {

/// How many requests the web resources of each module are answering on a worker, so that one whose pages don't end holds a
/// number of connections and no more. Thread: the worker's.
class RequestsUnderWay {
    struct OfModule {
        std::size_t answered = 0;
        bool is_full = false;  // and somebody was told
    };

public:
    /// One request's place, until it is destroyed, before RequestsUnderWay is.
    class Place {
    public:
        /// `most` 0: there is always one. The first time that there is none is a line in the log, and again only when half of
        /// them were free meanwhile.
        Place(RequestsUnderWay& all, std::string_view module, const Request& request, std::size_t most);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        [[nodiscard]] bool is_free() const noexcept { return is_free_; }

    private:
        OfModule& of_module_;
        std::size_t most_;
        bool is_free_;
    };

private:
    std::map<std::string, OfModule, std::less<>> modules_;  // by name: those of entries come and go
};

/// What is answered where there is no place.
[[nodiscard]] Response refused_for_now();

}  // namespace modapi
