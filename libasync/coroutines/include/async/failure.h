#pragma once

#include <async/cancellation.h>

#include <cstring>
#include <exception>
#include <type_traits>
#include <typeinfo>

/// Looks at an exception that nobody threw again for it: throwing costs about a microsecond.
namespace async::detail {

/// The dynamic type; null: the standard library doesn't tell.
[[nodiscard]] inline const std::type_info* type_of([[maybe_unused]] const std::exception_ptr& failure) noexcept {
#if defined(__GLIBCXX__)
    return failure.__cxa_exception_type();
#else
    return nullptr;
#endif
}

/// The exception, if `catch (const Exception&)` would take it; else null. It lives as long as `failure`, which isn't null.
template <class Exception>
[[nodiscard]] const Exception* failure_as(const std::exception_ptr& failure) noexcept {
#if defined(__GLIBCXX__)
    // As the search for a handler does. A pointer to the exception is all that an exception_ptr has.
    static_assert(std::is_class_v<Exception> && sizeof(std::exception_ptr) == sizeof(void*));
    void* exception = nullptr;
    std::memcpy(&exception, &failure, sizeof(exception));
    const bool is_one = typeid(Exception).__do_catch(failure.__cxa_exception_type(), &exception, 1);
    return is_one ? static_cast<const Exception*>(exception) : nullptr;
#else
    try {
        std::rethrow_exception(failure);
    } catch (const Exception& exception) {
        return &exception;
    } catch (...) {
        return nullptr;
    }
#endif
}

[[nodiscard]] inline bool is_cancellation(const std::exception_ptr& failure) noexcept {
    return failure_as<operation_cancelled>(failure) != nullptr;
}

/// What `throw_cancelled` throws.
[[nodiscard]] inline std::exception_ptr failure_of(cancel_reason reason) noexcept {
    if (reason == cancel_reason::deadline) return std::make_exception_ptr(deadline_exceeded());
    return std::make_exception_ptr(operation_cancelled(reason));
}
[[nodiscard]] inline const std::type_info* type_of(cancel_reason reason) noexcept {
    return reason == cancel_reason::deadline ? &typeid(deadline_exceeded) : &typeid(operation_cancelled);
}

}  // namespace async::detail
