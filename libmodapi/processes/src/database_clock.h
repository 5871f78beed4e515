#pragma once

namespace modapi {

/// SQL for the database's time in milliseconds since 1970, at the moment at which it is computed: a transaction's own time
/// stands still.
#define MODAPI_DATABASE_TIME_MS "(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT"

}  // namespace modapi
