#pragma once

#include <callbacks/json.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace modapi {

/// There is no process that could be asked: it ended, or is being started anew.
class PythonGone : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a module of Python's has raised and nobody here has a class for. what() is the class and the text, and behind them the
/// traceback.
///
/// Copies share their texts; copying doesn't throw.
class PythonException : public std::runtime_error {
public:
    PythonException(const std::string& class_name, const std::string& text, const std::string& traceback);

    /// The name of its class in Python.
    [[nodiscard]] const std::string& class_name() const noexcept { return texts_->class_name; }
    /// What it says, without class and traceback.
    [[nodiscard]] const std::string& text() const noexcept { return texts_->text; }

private:
    struct Texts {
        std::string class_name;
        std::string text;
    };
    std::shared_ptr<const Texts> texts_;
};

/// Throws what an error of the protocol stands for: SynapseError, AuthError, RequestTimedOutError, HttpResponseException,
/// ConfigError (also for what is missing), ServiceNotOffered; PythonException for all else. So is a module's own `cancelled`,
/// which nobody here has asked for: who cancels a call doesn't wait for its answer.
[[noreturn]] void throw_python_error(const callbacks::JsonDict& error);
/// What the process is to be told of a failure here: which is raised there as the class that the contract has for it.
[[nodiscard]] callbacks::JsonDict python_error_of(const std::exception_ptr& failure);

}  // namespace modapi
