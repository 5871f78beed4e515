#pragma once

#include <async/failure.h>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

// Where a coroutine calls this, __builtin_return_address(0) is an address in its body, of this await and of no other one: the
// function isn't inlined, and nobody knows that it throws nothing, so that no call of it is the last thing that its caller
// does.
#if defined(__GNUC__) && !defined(__clang__)
#define MODAPI_ASYNC_AWAIT_SITE [[gnu::noipa]]
#define MODAPI_ASYNC_THIS_SITE __builtin_return_address(0)
#else
#define MODAPI_ASYNC_AWAIT_SITE
#define MODAPI_ASYNC_THIS_SITE nullptr
#endif

/// How a failure gets from who failed to who deals with it.
///
/// An exception that is thrown costs about a microsecond, and so does each await that throws it again. Most bodies have nothing
/// that could catch it: their locals are destroyed, and that is all. Such a body needn't be resumed for that: it is ended where
/// it waits, as `destroy` ends a coroutine, and the failure goes on to who waits for it, as a pointer. Whether an await has a
/// handler around itself for a type of exception never changes, and nothing in the language says it; so the first exception of
/// a type at an await is thrown, and if no handler took it before the body's own end did, it is remembered for that place in
/// the code.
namespace async::detail {

class task_body;

/// What a task has of its computation, in a word: nothing, a frame, or what it failed with when its frame was ended.
class task_word {
public:
    task_word() noexcept = default;
    explicit task_word(void* frame) noexcept : word_(reinterpret_cast<std::uintptr_t>(frame)) {}
    task_word(task_word&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
    task_word& operator=(task_word&&) = delete;
    ~task_word() = default;  // its owner knows what to destroy

    [[nodiscard]] bool is_empty() const noexcept { return word_ == 0; }
    [[nodiscard]] bool has_failed() const noexcept { return (word_ & is_failure) != 0; }
    [[nodiscard]] bool has_frame() const noexcept { return !is_empty() && !has_failed(); }
    /// Of one that has it.
    [[nodiscard]] void* frame() const noexcept { return reinterpret_cast<void*>(word_); }

    void forget() noexcept { word_ = 0; }
    void take_over(task_word& other) noexcept { word_ = std::exchange(other.word_, 0); }
    [[gnu::cold]] void fail(std::exception_ptr failure) noexcept;
    /// Of one that has failed, which is empty then.
    [[gnu::cold]] std::exception_ptr take_failure() noexcept;

private:
    static constexpr std::uintptr_t is_failure = 1;

    std::uintptr_t word_ = 0;
};

/// Where a coroutine waits: in its frame, as long as it does.
struct await_point {
    explicit await_point(task_word* waited_for = nullptr) noexcept : awaited(waited_for) {}

    void* waiting;       ///< the frame; like the site known once it waits
    task_word* awaited;  ///< the task it waits for; null: it waits for something else
    const void* site;    ///< this await in the code of a task's coroutine, which may be ended here; null: it may not

    [[nodiscard]] std::coroutine_handle<> coroutine() const noexcept { return std::coroutine_handle<>::from_address(waiting); }
    /// Of a coroutine that may be ended here.
    [[nodiscard]] task_body& body() const noexcept;
};

/// Throws `failure` in the body that waited at `at`, or hadn't to.
[[noreturn, gnu::cold]] void throw_in_body(const await_point& at, std::exception_ptr failure);
/// The body's own end has the exception that is being handled.
[[gnu::cold]] void reached_the_end(const task_body& body) noexcept;
/// Whether a failure of this type may end the body that waits at `at`: nothing in it would catch it, and somebody waits for it.
[[nodiscard, gnu::cold]] bool would_end(const await_point& at, const std::type_info* type) noexcept;
/// Ends the body that waits at `at`, for which `would_end`, and those above likewise; then whoever is left goes on. Nothing
/// that is below may be touched afterwards.
[[gnu::cold]] void end_bodies(await_point* at, std::exception_ptr failure) noexcept;

}  // namespace async::detail
