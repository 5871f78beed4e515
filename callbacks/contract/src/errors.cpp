#include <callbacks/errors.h>

#include <callbacks/storable_json.h>

#include <async/cancellation.h>

#include <algorithm>
#include <string>

namespace callbacks {

namespace {

// A module library that has this section brings its own copy of the framework; the host refuses it. In this file, because every
// copy needs it.
__attribute__((section(".modapi_framework"), used)) constexpr char framework_mark[] = "callbacks";

}  // namespace

SynapseError::SynapseError(int status, const std::string& message, std::string errcode, JsonDict additional_fields,
                           Headers headers)
    : std::runtime_error(message),
      details_(std::make_shared<const Details>(
          Details{status, std::move(errcode), std::move(additional_fields), std::move(headers)})) {
    constexpr int first_error = 400;
    constexpr int last_error = 599;
    if (status < first_error || status > last_error)
        throw std::invalid_argument("the status of a SynapseError is that of an error, 400 to 599, not " +
                                    std::to_string(status));
    if (const char* const why = unreadable_because(this->additional_fields()))
        throw std::invalid_argument(std::string("the fields of a SynapseError can't be sent: ") + why);
}

TryAgainLater::TryAgainLater(std::chrono::seconds after)
    : SynapseError(503, "Try again later", std::string(errcode_of(Codes::UNKNOWN)), JsonDict(),
                   Headers{{"Retry-After", std::to_string(std::max<std::chrono::seconds::rep>(after.count(), 1))}}) {}

JsonDict SynapseError::body() const {
    JsonDict body;
    body["errcode"] = errcode();
    body["error"] = what();
    for (const auto& field : additional_fields()) body.insert_or_assign(field.key(), field.value());
    return body;
}

bool is_synapse_error(const std::exception_ptr& failure) {
    if (!failure) return false;
    try {
        std::rethrow_exception(failure);
    } catch (const SynapseError&) {
        return true;
    } catch (...) {
        return false;
    }
}

bool is_client_error(const std::exception_ptr& failure) {
    if (!failure) return false;
    constexpr int first_of_servers = 500;
    try {
        std::rethrow_exception(failure);
    } catch (const SynapseError& answer) {
        return answer.status() < first_of_servers;
    } catch (...) {
        return false;
    }
}

std::string message_of(const std::exception_ptr& failure) {
    if (!failure) return "no exception";
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        const char* const message = error.what();
        const bool says_something = message != nullptr && *message != '\0';
        return says_something ? message : "an exception without a message";
    } catch (const async::operation_cancelled&) {
        return "it was cancelled";
    } catch (...) {
        return "an exception that is no std::exception";
    }
}

}  // namespace callbacks
