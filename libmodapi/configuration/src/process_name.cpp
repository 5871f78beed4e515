#include <modapi/hosting/process_name.h>

#include <algorithm>
#include <cstddef>

namespace modapi {

namespace {

bool is_of_process_name(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '.' || character == '-' || character == '_';
}

}  // namespace

std::string refusal_of_process_name(std::string_view name) {
    constexpr std::size_t max_length = 64;
    if (name.empty() || name.size() > max_length || !std::all_of(name.begin(), name.end(), is_of_process_name))
        return "must be 1 to 64 letters, digits, dots, hyphens and underscores";
    if (name == "all" || name == "background")
        return "must be another name: \"" + std::string(name) + "\" is a word of run_on, which doesn't mean a process";
    return {};
}

}  // namespace modapi
