#pragma once

#include "python_values.h"

#include <modapi/http_client.h>
#include <modapi/presence_update.h>
#include <modapi/web_resource.h>

#include <callbacks/event.h>
#include <callbacks/json.h>
#include <callbacks/state_filter.h>
#include <callbacks/user_info.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Arguments and results of operations: JSON, unlike the values of callbacks, but for what PROTOCOL.md says of a member's
/// result. Thread: any.
namespace modapi {

/// How an argument is read as a parameter of the type T. Python is lax and so is this: a whole number may come as a float, a
/// truth value as whatever Python takes for one, no list or dictionary as None. Errors of `read`: WrongPythonValue.
template <class T>
struct OperationArgument;
template <>
struct OperationArgument<std::string> {
    static std::string read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<bool> {
    static bool read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<std::int64_t> {
    static std::int64_t read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<std::uint64_t> {
    static std::uint64_t read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<callbacks::JsonDict> {
    static callbacks::JsonDict read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<callbacks::JsonArray> {
    static callbacks::JsonArray read(const callbacks::JsonValue& given);
};
/// Errors: also SynapseError, for what is no id of the kind.
template <>
struct OperationArgument<callbacks::UserID> {
    static callbacks::UserID read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<callbacks::RoomID> {
    static callbacks::RoomID read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<callbacks::StateFilterEntry> {
    static callbacks::StateFilterEntry read(const callbacks::JsonValue& given);
};
template <>
struct OperationArgument<PresenceUpdates> {
    static PresenceUpdates read(const callbacks::JsonValue& given);
};
/// What a client has sent, as far as it is about who it is.
template <>
struct OperationArgument<Request> {
    static Request read(const callbacks::JsonValue& given);
};
/// Pairs of texts, as headers are; or an object of texts, numbers and lists of them, as a query's arguments are.
template <>
struct OperationArgument<HttpHeaders> {
    static HttpHeaders read(const callbacks::JsonValue& given);
};
template <class T>
struct OperationArgument<std::optional<T>> {
    static std::optional<T> read(const callbacks::JsonValue& given) {
        if (given.is_null()) return std::nullopt;
        return OperationArgument<T>::read(given);
    }
};
template <class T>
struct OperationArgument<std::vector<T>> {
    static std::vector<T> read(const callbacks::JsonValue& given) {
        std::vector<T> items;
        for (const callbacks::JsonValue& item : OperationArgument<callbacks::JsonArray>::read(given))
            items.push_back(OperationArgument<T>::read(item));
        return items;
    }
};

/// The arguments of an operation, by their names.
class OperationArguments {
public:
    explicit OperationArguments(callbacks::JsonDict arguments) noexcept : arguments_(std::move(arguments)) {}

    /// Errors: std::invalid_argument that names the argument, if it is missing or of another kind; those of reading it.
    template <class T>
    [[nodiscard]] T get(std::string_view name) const {
        const callbacks::JsonValue& given = at(name);
        try {
            return OperationArgument<T>::read(given);
        } catch (const WrongPythonValue& wrong) {
            throw_wrong(name, wrong);
        }
    }
    [[nodiscard]] const callbacks::JsonValue& at(std::string_view name) const;

private:
    [[noreturn]] static void throw_wrong(std::string_view name, const WrongPythonValue& wrong);

    callbacks::JsonDict arguments_;
};

// Results. JSON of others is wrapped, so that nobody's keys are taken for a tag.
[[nodiscard]] inline callbacks::JsonValue operation_result(bool truth) { return callbacks::JsonValue(truth); }
[[nodiscard]] callbacks::JsonValue operation_result(const std::string& text);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::UserInfo& user);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::Requester& requester);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::ProfileInfo& profile);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::UserIpAndAgent& seen);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::ThirdPartyID& id);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::RegisteredDevice& device);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::Event& event);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::StateMap& state);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::RoomAlias& alias);
[[nodiscard]] callbacks::JsonValue operation_result(const callbacks::JsonValue& json);
[[nodiscard]] callbacks::JsonValue operation_result(const std::shared_ptr<const callbacks::JsonDict>& json);
[[nodiscard]] callbacks::JsonValue operation_result(const std::map<std::string, bool>& by_name);
[[nodiscard]] callbacks::JsonValue operation_result(const Response& response);
template <class T>
[[nodiscard]] callbacks::JsonValue operation_result(const std::optional<T>& value);
template <class First, class Second>
[[nodiscard]] callbacks::JsonValue operation_result(const std::pair<First, Second>& pair);
template <class T>
[[nodiscard]] callbacks::JsonValue operation_result(const std::vector<T>& list);

template <class T>
callbacks::JsonValue operation_result(const std::optional<T>& value) {
    return value ? operation_result(*value) : callbacks::JsonValue(nullptr);
}
template <class First, class Second>
callbacks::JsonValue operation_result(const std::pair<First, Second>& pair) {
    callbacks::JsonArray both;
    both.push_back(operation_result(pair.first));
    both.push_back(operation_result(pair.second));
    return both;
}
template <class T>
callbacks::JsonValue operation_result(const std::vector<T>& list) {
    callbacks::JsonArray items;
    items.reserve(list.size());
    for (const T& item : list) items.push_back(operation_result(item));
    return items;
}

/// Headers as pairs in lists.
[[nodiscard]] callbacks::JsonArray headers_to_python(const HttpHeaders& headers);

}  // namespace modapi
