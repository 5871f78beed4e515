#pragma once

#include <string_view>

namespace fuzz {

/// From now on these bytes are what a broken promise is reported with. They outlive the reading.
void note(std::string_view bytes) noexcept;
/// Ends the program with a line on stderr if `is_kept` is false.
void promise(bool is_kept, const char* text);

}  // namespace fuzz
