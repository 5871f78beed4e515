#include "python_operations.h"

#include "operation_values.h"
#include "python_cached_function.h"

#include <modapi/hosting/module_environment.h>
#include <modapi/hosting/module_internals.h>
#include <modapi/module_api.h>
#include <modapi/services/service_not_offered.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace modapi {

namespace {

using async::task;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

/// What the contract's server raises for a user of another server, where ModuleApi has one exception for all of it.
enum class ForeignUser : unsigned char { synapse_error, runtime_error, value_error };
/// Whether what it does is seen by the call that it comes of, or changes something that is.
enum class Belongs : unsigned char { to_the_call, to_nobody };

/// A member that the process may ask for.
struct Operation {
    std::function<task<OperationAnswer>(ModuleApi&, OperationArguments)> perform;
    ForeignUser foreign_user = ForeignUser::synapse_error;
    Belongs belongs = Belongs::to_the_call;
    bool gives_many_events = false;
};

// --- members that C++ modules have, or whose parameters say all

ModuleApi& part_of(ModuleApi& api, std::type_identity<ModuleApi>) { return api; }
HttpClient& part_of(ModuleApi& api, std::type_identity<HttpClient>) { return api.http_client(); }
PublicRoomListManager& part_of(ModuleApi& api, std::type_identity<PublicRoomListManager>) {
    return api.public_room_list_manager();
}
AccountDataManager& part_of(ModuleApi& api, std::type_identity<AccountDataManager>) { return api.account_data_manager(); }
ModuleInternals part_of(ModuleApi& api, std::type_identity<ModuleInternals>) { return ModuleInternals(api); }

OperationAnswer answer_of(callbacks::StateMap state) {
    SaidEvents said = events_of(state);
    said.tag = "$state_events";
    return said;
}
OperationAnswer answer_of(std::vector<callbacks::Event> events) {
    SaidEvents said;
    said.events = std::move(events);
    said.tag_of_each = "$event";
    return said;
}
template <class Result>
OperationAnswer answer_of(const Result& result) {
    return operation_result(result);
}

template <class Result>
task<OperationAnswer> answer_with(task<Result> asking) {
    if constexpr (std::is_void_v<Result>) {
        co_await std::move(asking);
        co_return OperationAnswer(JsonValue(nullptr));
    } else {
        Result result = co_await std::move(asking);
        co_return answer_of(std::move(result));
    }
}

/// Calls a method with arguments of these names, each as its parameter's type has it.
template <class Part, class Result, class... Parameters>
class MethodCall {
public:
    using Method = task<Result> (Part::*)(Parameters...);
    using Names = std::array<std::string_view, sizeof...(Parameters)>;

    MethodCall(Method method, Names names) noexcept : method_(method), names_(names) {}

    task<OperationAnswer> operator()(ModuleApi& api, const OperationArguments& arguments) const {
        return call(api, arguments, std::index_sequence_for<Parameters...>());
    }

private:
    template <std::size_t... Position>
    task<OperationAnswer> call(ModuleApi& api, const OperationArguments& arguments, std::index_sequence<Position...>) const {
        // Braces: in their order, so that the first wrong one is named.
        std::tuple<std::remove_cvref_t<Parameters>...> given{
            arguments.get<std::remove_cvref_t<Parameters>>(names_[Position])...};
        return with_part(api, method_, std::move(given));
    }
    /// What is asked is in the frame: some parts are made for the question.
    static task<OperationAnswer> with_part(ModuleApi& api, Method method,
                                           std::tuple<std::remove_cvref_t<Parameters>...> given) {
        auto&& part = part_of(api, std::type_identity<Part>());
        task<Result> asking = ask(part, method, given, std::index_sequence_for<Parameters...>());
        task<OperationAnswer> converting = answer_with(std::move(asking));
        co_return co_await std::move(converting);
    }
    template <std::size_t... Position>
    static task<Result> ask(Part& part, Method method, std::tuple<std::remove_cvref_t<Parameters>...>& given,
                            std::index_sequence<Position...>) {
        return (part.*method)(std::forward<Parameters>(std::get<Position>(given))...);
    }

    Method method_;
    Names names_;
};

template <class Part, class Result, class... Parameters, class... Names>
Operation method(task<Result> (Part::*called)(Parameters...), Names... names) {
    static_assert(sizeof...(Names) == sizeof...(Parameters), "each parameter has the name that the process gives it");
    Operation operation{MethodCall<Part, Result, Parameters...>(called, {std::string_view(names)...})};
    operation.gives_many_events =
        std::is_same_v<Result, callbacks::StateMap> || std::is_same_v<Result, std::vector<callbacks::Event>>;
    return operation;
}

Operation for_foreign(ForeignUser raised, Operation operation) {
    operation.foreign_user = raised;
    return operation;
}
Operation by_itself(Operation operation) {
    operation.belongs = Belongs::to_nobody;
    return operation;
}
template <class Function>
Operation function(Function performed) {
    return Operation{performed};
}

// --- members that the protocol has in another form

task<OperationAnswer> get_user_by_req(ModuleApi& api, OperationArguments arguments) {
    const Request request = arguments.get<Request>("request");
    task<callbacks::Requester> asking =
        api.get_user_by_req(request, arguments.get<bool>("allow_guest"), arguments.get<bool>("allow_expired"));
    const callbacks::Requester requester = co_await std::move(asking);
    co_return OperationAnswer(operation_result(requester));
}

task<OperationAnswer> complete_sso_login(ModuleApi& api, OperationArguments arguments) {
    const Request request = arguments.get<Request>("request");
    task<Response> completing = api.complete_sso_login_async(
        arguments.get<std::string>("registered_user_id"), request, arguments.get<std::string>("client_redirect_url"),
        arguments.get<bool>("new_user"), arguments.get<std::string>("auth_provider_id"));
    const Response response = co_await std::move(completing);
    co_return OperationAnswer(operation_result(response));
}

/// `deactivation` has no effect, and isn't looked at.
task<OperationAnswer> set_displayname(ModuleApi& api, OperationArguments arguments) {
    callbacks::UserID user = arguments.get<callbacks::UserID>("user_id");
    std::string name = arguments.get<std::optional<std::string>>("new_displayname").value_or(std::string());
    task<void> setting = api.set_displayname(std::move(user), std::move(name));
    co_await std::move(setting);
    co_return OperationAnswer(JsonValue(nullptr));
}

task<OperationAnswer> set_avatar_url(ModuleApi& api, OperationArguments arguments) {
    ModuleInternals internals(api);
    task<void> setting =
        internals.set_avatar_url(arguments.get<std::string>("user_id"),
                                 arguments.get<std::optional<std::string>>("new_avatar_url").value_or(std::string()));
    co_await std::move(setting);
    co_return OperationAnswer(JsonValue(nullptr));
}

task<OperationAnswer> invalidate_cache(ModuleApi& api, OperationArguments arguments) {
    const std::string name = arguments.get<std::string>("function");
    const JsonArray key = arguments.get<JsonArray>("key");
    const auto& functions = registrations_of(api).cached_functions;
    const auto found = std::find_if(functions.begin(), functions.end(),
                                    [&](const async::cached_function* function) { return function->name() == name; });
    if (found == functions.end()) throw std::invalid_argument("invalidate_cache: " + name + " isn't registered");
    task<void> invalidating = api.invalidate_cache_by_text(**found, cached_key_of(key));
    co_await std::move(invalidating);
    co_return OperationAnswer(JsonValue(nullptr));
}

std::string body_in(const OperationArguments& arguments, std::string_view name) {
    const JsonValue& data = arguments.at(name);
    if (data.is_null()) return std::string();
    return data.is_string() ? std::string(data.get_string()) : bytes_of(data);
}

task<OperationAnswer> http_request(ModuleApi& api, OperationArguments arguments) {
    task<HttpResponse> requesting =
        api.http_client().request(arguments.get<std::string>("method"), arguments.get<std::string>("uri"),
                                  body_in(arguments, "data"), arguments.get<HttpHeaders>("headers"));
    const HttpResponse response = co_await std::move(requesting);
    JsonDict answer;
    answer["status"] = response.status;
    answer["phrase"] = response.reason;
    answer["headers"] = headers_to_python(response.headers);
    answer["body"] = bytes_to_python(response.body);
    co_return OperationAnswer(JsonValue(std::move(answer)));
}

task<OperationAnswer> http_get_raw(ModuleApi& api, OperationArguments arguments) {
    task<std::string> getting = api.http_client().get_raw(
        arguments.get<std::string>("uri"), arguments.get<QueryArguments>("args"), arguments.get<HttpHeaders>("headers"));
    const std::string body = co_await std::move(getting);
    co_return OperationAnswer(JsonValue(bytes_to_python(body)));
}

/// The body goes to the process in one message, which has its own limit.
task<OperationAnswer> http_get_file(ModuleApi& api, OperationArguments arguments) {
    std::ostringstream body;
    task<HttpResponse> getting = api.http_client().get_file(arguments.get<std::string>("url"), body,
                                                            arguments.get<std::optional<std::uint64_t>>("max_size"),
                                                            arguments.get<HttpHeaders>("headers"));
    const HttpResponse response = co_await std::move(getting);
    JsonDict answer;
    answer["status"] = response.status;
    answer["headers"] = headers_to_python(response.headers);
    answer["url"] = response.url;
    answer["body"] = bytes_to_python(body.view());
    co_return OperationAnswer(JsonValue(std::move(answer)));
}

// --- all

using Operations = std::unordered_map<std::string_view, Operation>;

void add_accounts(Operations& all) {
    using Api = ModuleApi;
    all["check_user_exists"] = method(&Api::check_user_exists, "user_id");
    all["get_userinfo_by_id"] = method(&Api::get_userinfo_by_id, "user_id");
    all["get_user_by_req"] = function(&get_user_by_req);
    all["is_user_admin"] = method(&Api::is_user_admin, "user_id");
    all["set_user_admin"] = method(&Api::set_user_admin, "user_id", "admin");
    all["get_profile_for_user"] = method(&Api::get_profile_for_user, "localpart");
    all["get_threepids_for_user"] = method(&Api::get_threepids_for_user, "user_id");
    all["register_user"] = method(&Api::register_user, "localpart", "displayname", "emails", "admin");
    all["register_device"] = method(&Api::register_device, "user_id", "device_id", "initial_display_name");
    all["record_user_external_id"] =
        method(&Api::record_user_external_id, "auth_provider_id", "remote_user_id", "registered_user_id");
    all["create_login_token"] =
        method(&Api::create_login_token, "user_id", "duration_in_ms", "auth_provider_id", "auth_provider_session_id");
    all["invalidate_access_token"] = method(&Api::invalidate_access_token, "access_token");
    all["complete_sso_login_async"] = function(&complete_sso_login);
    all["check_username"] = method(&Api::check_username, "username");
    all["set_displayname"] = function(&set_displayname);
    all["get_user_ip_and_agents"] = method(&Api::get_user_ip_and_agents, "user_id", "since_ts");
    all["get_monthly_active_users_by_service"] =
        method(&Api::get_monthly_active_users_by_service, "start_timestamp", "end_timestamp");
    all["store_remote_3pid_association"] =
        method(&Api::store_remote_3pid_association, "user_id", "medium", "address", "id_server");
    all["account_data_manager.get_global"] =
        for_foreign(ForeignUser::value_error, method(&AccountDataManager::get_global, "user_id", "data_type"));
    all["account_data_manager.put_global"] =
        for_foreign(ForeignUser::value_error, method(&AccountDataManager::put_global, "user_id", "data_type", "new_data"));
}

void add_rooms(Operations& all) {
    using Api = ModuleApi;
    using List = PublicRoomListManager;
    all["get_state_events_in_room"] = method(&Api::get_state_events_in_room, "room_id", "types");
    using GetRoomState = task<callbacks::StateMap> (Api::*)(std::string, callbacks::StateFilter);
    all["get_room_state"] = method(static_cast<GetRoomState>(&Api::get_room_state), "room_id", "event_filter");
    all["update_room_membership"] = for_foreign(
        ForeignUser::runtime_error,
        method(&Api::update_room_membership, "sender", "target", "room_id", "new_membership", "content", "remote_room_hosts"));
    all["create_and_send_event_into_room"] =
        for_foreign(ForeignUser::runtime_error, method(&Api::create_and_send_event_into_room, "event_dict"));
    all["create_room"] = for_foreign(ForeignUser::runtime_error,
                                     method(&Api::create_room, "user_id", "config", "ratelimit", "creator_join_profile"));
    all["delete_room"] = method(&Api::delete_room, "room_id");
    all["get_canonical_room_alias"] = method(&Api::get_canonical_room_alias, "room_id");
    all["lookup_room_alias"] = method(&Api::lookup_room_alias, "room_alias");
    all["public_room_list_manager.room_is_in_public_room_list"] = method(&List::room_is_in_public_room_list, "room_id");
    all["public_room_list_manager.add_room_to_public_room_list"] = method(&List::add_room_to_public_room_list, "room_id");
    all["public_room_list_manager.remove_room_from_public_room_list"] =
        method(&List::remove_room_from_public_room_list, "room_id");
    all["send_local_online_presence_to"] = method(&Api::send_local_online_presence_to, "users");
    all["set_presence_for_users"] = method(&Api::set_presence_for_users, "users");
}

void add_other(Operations& all) {
    using Api = ModuleApi;
    all["invalidate_cache"] = function(&invalidate_cache);
    all["set_push_rule_action"] = method(&Api::set_push_rule_action, "user_id", "scope", "kind", "rule_id", "actions");
    all["send_http_push_notification"] =
        by_itself(method(&Api::send_http_push_notification, "user_id", "device_id", "content", "tweaks", "default_payload"));
    all["send_mail"] = by_itself(method(&Api::send_mail, "recipient", "subject", "html", "text"));
    all["http_client.get_json"] = by_itself(method(&HttpClient::get_json, "uri", "args", "headers"));
    all["http_client.post_json_get_json"] = by_itself(method(&HttpClient::post_json_get_json, "uri", "post_json", "headers"));
    all["http_client.post_urlencoded_get_json"] =
        by_itself(method(&HttpClient::post_urlencoded_get_json, "uri", "args", "headers"));
    all["http_client.put_json"] = by_itself(method(&HttpClient::put_json, "uri", "json_body", "args", "headers"));
    all["http_client.get_raw"] = by_itself(function(&http_get_raw));
    all["http_client.get_file"] = by_itself(function(&http_get_file));
    all["http_client.request"] = by_itself(function(&http_request));
}

void add_internals(Operations& all) {
    using Internal = ModuleInternals;
    all["internal.get_user_id_by_threepid"] = method(&Internal::get_user_id_by_threepid, "medium", "address");
    all["internal.add_threepid"] = method(&Internal::add_threepid, "user_id", "medium", "address", "validated_at");
    all["internal.delete_threepid"] = method(&Internal::delete_threepid, "user_id", "medium", "address");
    all["internal.user_add_threepid"] =
        method(&Internal::user_add_threepid, "user_id", "medium", "address", "validated_at", "added_at");
    all["internal.user_delete_threepid"] = method(&Internal::user_delete_threepid, "user_id", "medium", "address");
    all["internal.set_profile_displayname"] = method(&Internal::set_profile_displayname, "user_id", "new_displayname");
    all["internal.set_profile_avatar_url"] = method(&Internal::set_profile_avatar_url, "user_id", "new_avatar_url");
    all["internal.set_avatar_url"] = function(&set_avatar_url);
    all["internal.get_event"] = method(&Internal::get_event, "event_id", "allow_none");
    all["internal.get_latest_event_ids_in_room"] = method(&Internal::get_latest_event_ids_in_room, "room_id");
    all["internal.get_rooms_for_user"] = method(&Internal::get_rooms_for_user, "user_id");
    all["internal.get_users_in_room"] = method(&Internal::get_users_in_room, "room_id");
    all["internal.get_user_by_external_id"] = method(&Internal::get_user_by_external_id, "auth_provider", "external_id");
    all["internal.get_external_ids_by_user"] = method(&Internal::get_external_ids_by_user, "user_id");
    all["internal.remove_user_external_id"] =
        method(&Internal::remove_user_external_id, "auth_provider", "external_id", "user_id");
    all["internal.deactivate_account"] = method(&Internal::deactivate_account, "user_id", "erase");
}

const Operations& operations() {
    static const Operations all = [] {
        Operations made;
        add_accounts(made);
        add_rooms(made);
        add_other(made);
        add_internals(made);
        return made;
    }();
    return all;
}

const Operation* operation_named(std::string_view member) noexcept {
    const auto found = operations().find(member);
    return found != operations().end() ? &found->second : nullptr;
}

}  // namespace

task<OperationAnswer> perform_operation(ModuleApi& api, PythonCalls&, std::string member, JsonDict arguments) {
    const Operation* const operation = operation_named(member);
    if (operation == nullptr) throw ServiceNotOffered(member);
    try {
        task<OperationAnswer> performing = operation->perform(api, OperationArguments(std::move(arguments)));
        co_return co_await std::move(performing);
    } catch (const callbacks::ForeignUserError& foreign) {
        if (operation->foreign_user == ForeignUser::runtime_error) throw std::runtime_error(foreign.what());
        if (operation->foreign_user == ForeignUser::value_error) throw std::invalid_argument(foreign.what());
        throw;
    }
}

bool belongs_to_call(std::string_view member) noexcept {
    const Operation* const operation = operation_named(member);
    return operation != nullptr && operation->belongs == Belongs::to_the_call;
}

bool gives_many_events(std::string_view member) noexcept {
    const Operation* const operation = operation_named(member);
    return operation != nullptr && operation->gives_many_events;
}

std::vector<std::string_view> offered_operations() {
    std::vector<std::string_view> names;
    for (const auto& [name, operation] : operations()) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace modapi
