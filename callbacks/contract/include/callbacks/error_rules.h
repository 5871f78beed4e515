#pragma once

#include <callbacks/errors.h>

#include <async/error_rule.h>

#include <type_traits>

/// Error rules that know Matrix: what an operation does when a module's callback throws. General ones: <async/error_rule.h>.
namespace callbacks {

/// Logged; the operation fails with 500 `M_UNKNOWN` "Internal Server Error". Even a SynapseError is turned into this.
struct fail_500 {
    static constexpr std::string_view name = "fail 500";
    static constexpr async::error_level level = async::error_level::error;
    /// Throws what the operation fails with.
    [[noreturn]] static void apply(const std::exception_ptr& failure);
};

/// A SynapseError leaves as it is; anything else becomes ModuleFailed if it isn't one, which the client sees as 500.
struct module_failure {
    static constexpr std::string_view name = "SynapseError propagates, else module failure";
    static constexpr async::error_level level = async::error_level::error;
    /// A SynapseError is an answer, which nothing is lost of.
    [[nodiscard]] static async::error_level level_of(const std::exception_ptr& failure);
    /// Throws what the operation fails with.
    [[noreturn]] static void apply(const std::exception_ptr& failure);
};

/// A SynapseError leaves as it is; anything else forbids the room: 403 `M_UNKNOWN`.
struct forbid_room_creation {
    static constexpr std::string_view name = "SynapseError propagates, else 403";
    static constexpr async::error_level level = async::error_level::error;
    /// A SynapseError is an answer, which nothing is lost of.
    [[nodiscard]] static async::error_level level_of(const std::exception_ptr& failure);
    /// Throws what the operation fails with.
    [[noreturn]] static void apply(const std::exception_ptr& failure);
    /// What the operation fails with where a module's failure forbids it.
    [[nodiscard]] static SynapseError denial();
};

/// Whether a SynapseError leaves the dispatcher as it is, so that a callback can answer with one.
template <class Errors>
inline constexpr bool lets_synapse_errors_pass = std::is_same_v<Errors, async::propagate> ||
                                                 std::is_same_v<Errors, module_failure> ||
                                                 std::is_same_v<Errors, forbid_room_creation>;

}  // namespace callbacks
