#include <callbacks/error_rules.h>

namespace callbacks {

namespace {

void let_synapse_errors_pass(const std::exception_ptr& failure) {
    if (is_synapse_error(failure)) std::rethrow_exception(failure);
}

async::error_level quiet_if_it_passes(const std::exception_ptr& failure) {
    return is_synapse_error(failure) ? async::error_level::quiet : async::error_level::error;
}

}  // namespace

async::error_level module_failure::level_of(const std::exception_ptr& failure) { return quiet_if_it_passes(failure); }
async::error_level forbid_room_creation::level_of(const std::exception_ptr& failure) { return quiet_if_it_passes(failure); }

void fail_500::apply(const std::exception_ptr&) { throw SynapseError(500, "Internal Server Error"); }

void module_failure::apply(const std::exception_ptr& failure) {
    let_synapse_errors_pass(failure);
    try {
        std::rethrow_exception(failure);
    } catch (const ModuleFailed&) {
        throw;  // it may say whose it is
    } catch (...) {
    }
    throw ModuleFailed(message_of(failure));
}

void forbid_room_creation::apply(const std::exception_ptr& failure) {
    let_synapse_errors_pass(failure);
    throw denial();
}

SynapseError forbid_room_creation::denial() {
    return SynapseError(403, "Room creation forbidden with these parameters");
}

}  // namespace callbacks
