#pragma once

#include <modapi/database.h>

namespace modapi {

/// The transaction failed for a reason that may be gone the next time: a serialization failure, a lock held for too long, a
/// lost connection. Database::run does it again; who catches it in the transaction does that in its place.
class TransientDatabaseError : public DatabaseError {
public:
    using DatabaseError::DatabaseError;
};

}  // namespace modapi
