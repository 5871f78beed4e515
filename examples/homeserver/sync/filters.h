#pragma once

#include "http/router.h"

#include <modapi/database.h>

#include <callbacks/json.h>

#include <callbacks/json.h>

#include <optional>
#include <string>

namespace homeserver {

/// A filter that a user stored. For use inside a transaction.
[[nodiscard]] std::optional<callbacks::JsonDict> find_filter(modapi::Transaction& transaction, const std::string& user_id,
                                                             std::int64_t filter_id);

/// POST /user/{user}/filter, GET /user/{user}/filter/{id}.
void add_filter_endpoints(Router& router);

}  // namespace homeserver
