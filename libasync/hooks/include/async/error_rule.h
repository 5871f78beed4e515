#pragma once

#include <exception>
#include <memory>
#include <string_view>
#include <utility>

/// What an exception does that leaves a hook. A rule has a `name` (for tables and the inspector), a `level` (how it is
/// reported) and `apply`, called with the exception: it returns when the walk goes on as if this hook had not answered, and
/// throws what the operation fails with otherwise. A rule that lets some exceptions pass as answers has `level_of(failure)`
/// beside its `level`. A cancellation never comes here.
namespace async {

/// How loudly a failure of a callback is reported. `quiet`: it isn't lost, it leaves the dispatcher.
enum class error_level : unsigned char { quiet, warning, error };

/// The exception leaves the dispatcher unchanged; later hooks don't run.
struct propagate {
    static constexpr std::string_view name = "propagate";
    static constexpr error_level level = error_level::quiet;
    /// Throws it.
    [[noreturn]] static void apply(std::exception_ptr failure) { std::rethrow_exception(std::move(failure)); }
};

/// Logged as an error; the next hook runs, the operation is unaffected.
struct log_and_go_on {
    static constexpr std::string_view name = "log, go on";
    static constexpr error_level level = error_level::error;
    /// Nothing: the log has it.
    static void apply(const std::exception_ptr&) noexcept {}
};

/// Logged as a warning; counts as if this module had given no answer.
struct skip {
    static constexpr std::string_view name = "skip";
    static constexpr error_level level = error_level::warning;
    /// Nothing: the log has it.
    static void apply(const std::exception_ptr&) noexcept {}
};

/// What becomes of a failure where somebody ruled that for one registration (async/limited_call.h), in the place of the
/// callback's error rule.
enum class failure_outcome : unsigned char {
    contract,  ///< what the error rule says
    accept,    ///< the walk goes on, as if this hook had not answered
    reject,    ///< what the operation does when this hook denies it
    tempfail,  ///< an exception that says "later" leaves the dispatcher
};

/// Whether a failure may leave the dispatcher by this rule.
template <class Errors>
inline constexpr bool may_fail_the_call = !noexcept(Errors::apply(std::declval<std::exception_ptr>()));

/// Leaves a hook whose failure somebody ruled on: what becomes of it in the place of what the error rule says.
class ruled_failure {
public:
    /// It wasn't asked, and nothing was ruled: the walk goes on without an answer of it.
    ruled_failure() noexcept = default;
    /// What the hook failed with becomes `outcome`. `leaves` is what the operation fails with; null: the walk goes on, with
    /// `answer` as this hook's answer, of the type that it has; null: without one.
    ruled_failure(failure_outcome outcome, std::exception_ptr failure, std::exception_ptr leaves,
                  std::shared_ptr<void> answer = nullptr) noexcept
        : outcome_(outcome), failure_(std::move(failure)), leaves_(std::move(leaves)), answer_(std::move(answer)) {}

    [[nodiscard]] failure_outcome outcome() const noexcept { return outcome_; }
    /// Null: it wasn't asked.
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
    [[nodiscard]] const std::exception_ptr& leaves() const noexcept { return leaves_; }
    [[nodiscard]] const std::shared_ptr<void>& answer() const noexcept { return answer_; }

private:
    failure_outcome outcome_ = failure_outcome::accept;
    std::exception_ptr failure_;
    std::exception_ptr leaves_;
    std::shared_ptr<void> answer_;
};

}  // namespace async
