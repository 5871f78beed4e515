#include "python_errors.h"

#include "python_values.h"

#include <modapi/database.h>
#include <modapi/http_client.h>
#include <modapi/services/service_not_offered.h>
#include <modapi/shadowed_change.h>

#include <callbacks/errors.h>

#include <async/cancellation.h>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;

/// A member that ought to be text; empty if it isn't.
std::string text_of_member(const JsonDict& error, std::string_view name) {
    const JsonValue* const value = error.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

int status_of(const JsonDict& error) {
    const JsonValue* const value = error.if_contains("status");
    if (value == nullptr || !value->is_int64()) return 0;
    return static_cast<int>(std::clamp<std::int64_t>(value->get_int64(), 0, 999));
}

JsonDict fields_of(const JsonDict& error) {
    const JsonValue* const fields = error.if_contains("fields");
    return fields != nullptr && fields->is_object() ? fields->get_object() : JsonDict();
}

SynapseError::Headers headers_of(const JsonDict& error) {
    SynapseError::Headers headers;
    const JsonValue* const given = error.if_contains("headers");
    if (given == nullptr || !given->is_object()) return headers;
    for (const auto& header : given->get_object()) {
        if (const auto* const text = header.value().if_string()) headers.emplace_back(header.key(), *text);
    }
    return headers;
}

[[noreturn]] void throw_synapse_error(const JsonDict& error) {
    const std::string class_name = text_of_member(error, "class");
    const std::string text = text_of_member(error, "error");
    if (class_name == "RequestTimedOutError") throw RequestTimedOutError(text);
    const std::string errcode = text_of_member(error, "errcode");
    try {
        const SynapseError made(status_of(error), text, errcode, fields_of(error), headers_of(error));
        if (class_name == "AuthError" && made.headers().empty() && made.additional_fields().empty() && errcode == "M_FORBIDDEN")
            throw callbacks::AuthError(made.status(), text);
        throw made;
    } catch (const std::invalid_argument& wrong) {
        // A status that is no error's, or fields that JSON can't say: no client could be told that.
        throw PythonException(class_name, text + " (no answer for a client: " + wrong.what() + ")", std::string());
    }
}

[[noreturn]] void throw_http_response(const JsonDict& error) {
    std::string body;
    try {
        body = bytes_of_base64(text_of_member(error, "body"));
    } catch (const WrongPythonValue&) {
        body = "(its body can't be read)";
    }
    throw HttpResponseException(status_of(error), text_of_member(error, "message"), std::move(body));
}

[[noreturn]] void throw_config_error(const JsonDict& error) {
    std::vector<std::string> path;
    const JsonValue* const parts = error.if_contains("path");
    if (parts != nullptr && parts->is_array()) {
        for (const JsonValue& part : parts->get_array()) {
            if (const auto* const text = part.if_string()) path.emplace_back(*text);
        }
    }
    throw callbacks::ConfigError(text_of_member(error, "text"), std::move(path));
}

std::string whole_text(const std::string& class_name, const std::string& text, const std::string& traceback) {
    std::string all = class_name.empty() ? std::string("an error without a class") : class_name;
    if (!text.empty()) all += ": " + text;
    if (!traceback.empty()) all += "\n" + traceback;
    while (all.ends_with('\n')) all.pop_back();
    return all;
}

JsonDict exception_of(std::string_view class_name, std::string_view text) {
    JsonDict error;
    error.emplace("kind", "exception");
    error.emplace("class", class_name);
    error.emplace("text", text);
    return error;
}

JsonDict sql_error(std::string_view class_name, std::string_view text) {
    JsonDict error = exception_of(class_name, text);
    error["kind"] = "sql";
    error.emplace("retry", false);
    return error;
}

JsonDict synapse_error(const SynapseError& failure) {
    JsonDict headers;
    for (const auto& [name, value] : failure.headers()) headers.insert_or_assign(name, value);
    JsonDict error;
    error.emplace("kind", "synapse");
    error.emplace("class", "SynapseError");
    error.emplace("status", failure.status());
    error.emplace("errcode", failure.errcode());
    error.emplace("error", failure.what());
    error.emplace("fields", failure.additional_fields());
    error.emplace("headers", std::move(headers));
    return error;
}

/// By the class that the contract has for what its server says with these, as modules name it in their `except`.
std::string_view class_of(const SynapseError& failure) noexcept {
    if (failure.errcode() == "M_MISSING_TOKEN") return "MissingClientTokenError";
    if (failure.errcode() == "M_UNKNOWN_TOKEN") return "InvalidClientTokenError";
    if (failure.errcode() == "M_LIMIT_EXCEEDED") return "LimitExceededError";
    if (failure.errcode() == "M_FORBIDDEN" && failure.status() == 403) return "AuthError";
    if (failure.status() == 404) return failure.errcode() == "M_NOT_FOUND" ? "NotFoundError" : "StoreError";
    return "SynapseError";
}

JsonDict http_response_error(const HttpResponseException& failure) {
    JsonDict error;
    error.emplace("kind", "http_response");
    error.emplace("status", failure.code());
    error.emplace("message", failure.reason());
    error.emplace("headers", JsonDict());
    error.emplace("body", base64_of(failure.body()));
    return error;
}

JsonDict config_error(const callbacks::ConfigError& failure) {
    callbacks::JsonArray path;
    for (const std::string& part : failure.path()) path.emplace_back(part);
    JsonDict error;
    error.emplace("kind", "config");
    error.emplace("text", failure.what());
    error.emplace("path", std::move(path));
    return error;
}

JsonDict not_offered(const ServiceNotOffered& failure) {
    constexpr std::string_view before_the_name = "this host does not offer ";
    std::string_view text = failure.what();
    JsonDict error;
    error.emplace("kind", "not_offered");
    error.emplace("text", text);
    if (text.starts_with(before_the_name)) text.remove_prefix(before_the_name.size());
    error.emplace("what", text);
    return error;
}

JsonDict of_kind(std::string_view kind) {
    JsonDict error;
    error.emplace("kind", kind);
    return error;
}

}  // namespace

PythonException::PythonException(const std::string& class_name, const std::string& text, const std::string& traceback)
    : std::runtime_error(whole_text(class_name, text, traceback)),
      texts_(std::make_shared<const Texts>(Texts{class_name, text})) {}

void throw_python_error(const JsonDict& error) {
    const std::string kind = text_of_member(error, "kind");
    const std::string text = text_of_member(error, "text");
    const std::string traceback = text_of_member(error, "traceback");
    if (kind == "synapse") throw_synapse_error(error);
    if (kind == "http_response") throw_http_response(error);
    if (kind == "config" || kind == "missing") throw_config_error(error);
    if (kind == "redirect") throw PythonException("RedirectException", "to " + text_of_member(error, "location"), traceback);
    if (kind == "cancelled") throw PythonException("CancelledError", "the module cancelled what it waited for", traceback);
    if (kind == "not_offered") throw PythonException("NotOffered", text, traceback);
    if (kind == "sql" || kind == "exception") throw PythonException(text_of_member(error, "class"), text, traceback);
    throw PythonException("Error", "of an unknown kind, " + kind, traceback);
}

JsonDict python_error_of(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const RequestTimedOutError& timed_out) {
        return exception_of("RequestTimedOutError", timed_out.what());
    } catch (const SynapseError& refused) {
        JsonDict error = synapse_error(refused);
        error["class"] = class_of(refused);
        return error;
    } catch (const HttpResponseException& answered) {
        return http_response_error(answered);
    } catch (const callbacks::ConfigError& wrong) {
        return config_error(wrong);
    } catch (const ServiceNotOffered& lacking) {
        return not_offered(lacking);
    } catch (const ConstraintViolation& violated) {
        return sql_error("IntegrityError", violated.what());
    } catch (const ResultTooLarge& large) {
        return sql_error("DataError", large.what());
    } catch (const DatabaseError& failed) {
        return sql_error("OperationalError", failed.what());
    } catch (const callbacks::ExternalIDReuseException& reused) {
        return exception_of("ExternalIDReuseException", reused.what());
    } catch (const callbacks::InvalidRuleException& invalid) {
        return exception_of("InvalidRuleException", invalid.what());
    } catch (const callbacks::RuleNotFoundException& missing) {
        return exception_of("RuleNotFoundException", missing.what());
    } catch (const PythonException& raised) {
        return exception_of(raised.class_name(), raised.text());
    } catch (const BlockedAddressError& blocked) {
        return exception_of("RuntimeError",
                            std::string(blocked.what()) +
                                ": what its module reaches all the same, an entry of `modules:` lists under may_reach");
    } catch (const async::operation_cancelled&) {
        return of_kind("cancelled");
    } catch (const async::deadline_exceeded& late) {
        return exception_of("TimeoutError", late.what());
    } catch (const boost::system::system_error& network) {
        return exception_of("ConnectionError", network.what());
    } catch (const std::invalid_argument& wrong) {
        return exception_of("ValueError", wrong.what());
    } catch (...) {
        return exception_of("RuntimeError", callbacks::message_of(failure));
    }
}

}  // namespace modapi
