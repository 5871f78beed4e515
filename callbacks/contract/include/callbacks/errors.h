#pragma once

#include <callbacks/codes.h>
#include <callbacks/json.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace callbacks {

/// An error that the client of the operation is to see: HTTP status, errcode and text (contract: `SynapseError`).
///
/// Thrown by a module it reaches the client where the callback's error rule is "propagate"; see each callback's declaration.
/// Copies share their details; copying doesn't throw.
class SynapseError : public std::runtime_error {
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;

    SynapseError(int status, const std::string& message, Codes code = Codes::UNKNOWN)
        : SynapseError(status, message, std::string(errcode_of(code))) {}
    /// An errcode of the module's own, `ORG_EXAMPLE_TEAPOT` for example. `additional_fields` are written into the body beside
    /// `errcode` and `error`, where they may overwrite both; `headers` are set on the response.
    SynapseError(int status, const std::string& message, std::string errcode, JsonDict additional_fields = JsonDict(),
                 Headers headers = Headers());

    /// HTTP status, 400 to 599: the constructor throws std::invalid_argument for others, and for fields that JSON can't say.
    [[nodiscard]] int status() const noexcept { return details_->status; }
    [[nodiscard]] const std::string& errcode() const noexcept { return details_->errcode; }
    [[nodiscard]] const JsonDict& additional_fields() const noexcept { return details_->additional_fields; }
    [[nodiscard]] const Headers& headers() const noexcept { return details_->headers; }
    /// The response body: `{"errcode", "error", ...additional fields}`.
    [[nodiscard]] JsonDict body() const;

private:
    struct Details {
        int status;
        std::string errcode;
        JsonDict additional_fields;
        Headers headers;
    };
    std::shared_ptr<const Details> details_;
};

/// A refusal: SynapseError with `M_FORBIDDEN` where nothing else is said.
class AuthError : public SynapseError {
public:
    AuthError(int status, const std::string& message, Codes code = Codes::FORBIDDEN) : SynapseError(status, message, code) {}
};

/// A user of another server, where only this server's own users will do: the one exception for it, whatever is asked. Status
/// and text are those that a client sees for it.
class ForeignUserError : public SynapseError {
public:
    ForeignUserError(int status, const std::string& message) : SynapseError(status, message) {}
};

/// The operation can't be done now, and may be later: 503 with `Retry-After`.
class TryAgainLater : public SynapseError {
public:
    /// `after` says when it is worth to try again; at least a second.
    explicit TryAgainLater(std::chrono::seconds after);
};

/// An event without state key, where there can only be state.
class NotAStateEvent : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// Bytes that aren't UTF-8, where they would be sent to clients.
class NotUtf8 : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// A module broke its contract in a way that fails the operation: the client sees 500, the log the cause.
class ModuleFailed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An id of an authentication provider is recorded for a user already (contract: `ExternalIDReuseException`).
class ExternalIDReuseException : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Actions that no push rule may have (contract: `InvalidRuleException`).
class InvalidRuleException : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A user has no such push rule (contract: `RuleNotFoundException`).
class RuleNotFoundException : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a module may not register: the host refuses to start and names the module.
class RegistrationError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// Something is wrong with a module's configuration (contract: `ConfigError(msg, path)`).
///
/// `path` leads from the module's own section to the value: `{"rooms", "0", "name"}`; the framework puts the file, the line and
/// `modules[N].config` in front. Throw it from parse_config; the message says what is wrong, the path where: "is required".
class ConfigError : public std::runtime_error {
public:
    explicit ConfigError(const std::string& message, std::vector<std::string> path = {})
        : std::runtime_error(message), path_(std::make_shared<const std::vector<std::string>>(std::move(path))) {}
    [[nodiscard]] const std::vector<std::string>& path() const noexcept { return *path_; }

private:
    std::shared_ptr<const std::vector<std::string>> path_;
};

/// Whether it is an answer that the client is meant to see, and no failure.
[[nodiscard]] bool is_synapse_error(const std::exception_ptr& failure);

/// Whether it is a SynapseError with a status below 500: what a callback answers the client with on purpose.
[[nodiscard]] bool is_client_error(const std::exception_ptr& failure);

/// What an exception says, for logs: its `what()`, or that it isn't a std::exception. Never empty.
[[nodiscard]] std::string message_of(const std::exception_ptr& failure);

}  // namespace callbacks
