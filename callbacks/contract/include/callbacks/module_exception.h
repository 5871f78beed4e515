#pragma once

#include <callbacks/errors.h>

#include <exception>
#include <memory>
#include <string>

/// One of every program and of every shared library, by which its code is told from others'. The compiler's.
extern "C" __attribute__((visibility("hidden"))) void* __dso_handle;  // NOLINT: the name is the ABI's

namespace callbacks {

/// Where the program or the shared library begins that has `address`; null if there is none. Thread: any.
[[nodiscard]] const void* library_of(const void* address) noexcept;

/// What leaves a callback in place of an object of a class that a module library defined itself.
///
/// GCC takes types of one name for one type, so a module with a `struct Denied` would catch another module's, and read it as
/// its own. Exceptions of the framework, of the standard library and of Boost leave a callback as they are; for any other that
/// a module library defines there is a ModuleCallbackFailed or, where it is a SynapseError, a ModuleCallbackAnswer. `what()` is
/// what the original said. It isn't a std::nested_exception, which anybody could unwrap.
///
/// Copies share what they carry; copying doesn't throw. Thread: any.
class ModuleException {
public:
    /// The name of the module in the configuration.
    [[nodiscard]] const std::string& module() const noexcept { return details_->module; }
    /// The name of the callback that it left.
    [[nodiscard]] const std::string& callback() const noexcept { return details_->callback; }

    /// Throws the original, in the module library that defines its class; anywhere else it returns. For a module whose own
    /// callback may run below its call of a ModuleApi member. `asking` is left out.
    void rethrow_original(const void* asking = &__dso_handle) const;

protected:
    ModuleException(std::string module, std::string callback, std::exception_ptr original, const void* library);
    ~ModuleException() = default;
    ModuleException(const ModuleException&) noexcept = default;
    ModuleException& operator=(const ModuleException&) noexcept = default;

private:
    struct Details {
        std::string module;
        std::string callback;
        std::exception_ptr original;
        const void* library;  ///< that defines the original's class
    };
    std::shared_ptr<const Details> details_;
};

/// A module's own exception that is a failure of its callback. Made by the framework.
class ModuleCallbackFailed : public ModuleFailed, public ModuleException {
public:
    ModuleCallbackFailed(std::string module, std::string callback, const std::exception_ptr& original, const void* library);
};

/// A module's own exception that is a SynapseError as well, and as such an answer for the client. Made by the framework.
class ModuleCallbackAnswer : public SynapseError, public ModuleException {
public:
    /// `answer` is the original's part that is a SynapseError.
    ModuleCallbackAnswer(const SynapseError& answer, std::string module, std::string callback, std::exception_ptr original,
                         const void* library);
};

}  // namespace callbacks
