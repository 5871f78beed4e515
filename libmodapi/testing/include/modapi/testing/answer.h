#pragma once

#include <callbacks/errors.h>

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace modapi::testing {

struct Nothing {};

/// How all modules together answered one callback: with a value, or an exception. Knows the callback's name.
template <class T>
class Answer {
public:
    using Value = std::conditional_t<std::is_void_v<T>, Nothing, T>;

    Answer(std::string callback, Value value) : callback_(std::move(callback)), value_(std::move(value)) {}
    Answer(std::string callback, std::exception_ptr error) : callback_(std::move(callback)), error_(std::move(error)) {}

    [[nodiscard]] const std::string& callback() const noexcept { return callback_; }
    [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }
    /// Null if it didn't fail.
    [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
    /// Empty if it didn't fail.
    [[nodiscard]] std::string error_text() const { return failed() ? callbacks::message_of(error_) : std::string(); }
    /// Throws what the callback threw.
    [[nodiscard]] const Value& value() const {
        if (error_) std::rethrow_exception(error_);
        return *value_;
    }

private:
    std::string callback_;
    std::optional<Value> value_;
    std::exception_ptr error_;
};

}  // namespace modapi::testing
