#include "python_operations.h"

#include <stdexcept>

namespace modapi {

async::task<callbacks::JsonValue> perform_operation(ModuleApi&, PythonCalls&, std::string member, callbacks::JsonDict) {
    throw std::runtime_error(member + " is a double");
    co_return nullptr;
}
bool belongs_to_call(std::string_view) noexcept { return true; }

}  // namespace modapi
