#include "python_source.h"

#include <callbacks/errors.h>

namespace modapi {

namespace {

using callbacks::ConfigError;
using callbacks::JsonDict;
using callbacks::JsonValue;

/// A key that nobody else reads; none if it isn't there, or says nothing.
JsonValue taken(JsonDict& further, std::string_view key) {
    JsonValue* const found = further.if_contains(key);
    if (found == nullptr) return nullptr;
    JsonValue value = std::move(*found);
    further.erase(key);
    return value;
}

}  // namespace

PythonEntryKeys take_entry_keys(JsonDict& further) {
    PythonEntryKeys keys;
    const JsonValue process = taken(further, "process");
    keys.has_own_process = process.is_string() && process.get_string() == "own";
    if (!keys.has_own_process && !process.is_null())
        throw ConfigError("must be \"own\", for a process of its own", {"process"});
    const JsonValue may_reach = taken(further, "may_reach");
    if (may_reach.is_null()) return keys;
    if (!may_reach.is_array()) throw ConfigError("must be a list of addresses, host:port or URLs", {"may_reach"});
    for (const JsonValue& address : may_reach.get_array()) {
        if (!address.is_string())
            throw ConfigError("must be an address, host:port or a URL", {"may_reach", std::to_string(keys.may_reach.size())});
        keys.may_reach.emplace_back(address.get_string());
    }
    return keys;
}

}  // namespace modapi
