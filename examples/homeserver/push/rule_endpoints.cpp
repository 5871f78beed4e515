#include "push/rule_endpoints.h"

#include "access/authentication.h"
#include "events/notifier.h"
#include "http/requests.h"
#include "push/user_rules.h"

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

using async::task;
using callbacks::Codes;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr std::size_t max_pattern = 1024;

[[noreturn]] void refuse_unknown_rule() { throw SynapseError(404, "Push rule not found", Codes::NOT_FOUND); }
[[noreturn]] void refuse(const std::string& text, Codes code) { throw SynapseError(400, text, code); }

std::size_t kind_parameter(const RoutedRequest& request) {
    const std::optional<std::size_t> kind = rule_kind_of(request.path_parameters.at(0));
    if (!kind) throw SynapseError(404, "Unrecognized request", Codes::UNRECOGNIZED);
    return *kind;
}

RuleName rule_parameter(const RoutedRequest& request, const callbacks::Requester& requester) {
    RuleName name;
    name.user_id = requester.user.to_string();
    name.kind = kind_parameter(request);
    name.rule_id = request.path_parameters.at(1);
    return name;
}

/// A pattern of a rule or condition.
void check_pattern(const JsonValue* pattern, const char* what) {
    if (pattern == nullptr || !pattern->is_string()) refuse(std::string(what) + " missing 'pattern'", Codes::MISSING_PARAM);
    if (pattern->get_string().size() > max_pattern)
        refuse("'pattern' must not be longer than 1024 bytes", Codes::INVALID_PARAM);
}

JsonArray checked_conditions(const JsonDict& body) {
    const JsonValue* const conditions = body.if_contains("conditions");
    if (conditions == nullptr || !conditions->is_array()) refuse("Missing 'conditions'", Codes::MISSING_PARAM);
    for (const JsonValue& condition : conditions->get_array()) {
        const JsonValue* const kind = condition.is_object() ? condition.get_object().if_contains("kind") : nullptr;
        if (kind == nullptr || !kind->is_string()) refuse("Condition without 'kind'", Codes::MISSING_PARAM);
        if (*kind == "event_match") check_pattern(condition.get_object().if_contains("pattern"), "Condition");
        for (const char* const placeholder : {"pattern_type", "value_type"}) {
            if (condition.get_object().contains(placeholder))
                refuse(std::string("Condition with '") + placeholder + "'", Codes::INVALID_PARAM);
        }
    }
    return conditions->get_array();
}

JsonArray checked_actions(const JsonDict& body) {
    const JsonValue* const actions = body.if_contains("actions");
    if (actions == nullptr || !actions->is_array()) refuse("No actions found", Codes::MISSING_PARAM);
    for (const JsonValue& action : actions->get_array()) {
        if (!is_push_action(action)) refuse("Unrecognised action", Codes::INVALID_PARAM);
    }
    return actions->get_array();
}

/// What is stored of a rule that a client puts.
JsonDict checked_rule(const RuleName& name, const JsonDict& body) {
    if (name.rule_id.starts_with('.')) refuse("cannot add new rule_ids that start with '.'", Codes::INVALID_PARAM);
    if (name.rule_id.find_first_of("/\\") != std::string::npos) refuse("rule_id may not contain slashes", Codes::INVALID_PARAM);
    const std::string_view kind = rule_kinds[name.kind];
    JsonDict rule;
    rule["rule_id"] = name.rule_id;
    if (kind == "override" || kind == "underride") rule["conditions"] = checked_conditions(body);
    if (kind == "content") {
        check_pattern(body.if_contains("pattern"), "Content rule");
        rule["pattern"] = body.at("pattern");
    }
    rule["actions"] = checked_actions(body);
    return rule;
}

task<Response> get_all(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    JsonDict content = co_await database.read("push_rules", &push_rules_content, requester.user.to_string());
    co_return ok(std::move(content));
}

task<RuleSet> own_rules(modapi::Database& database, const callbacks::Requester& requester) {
    return database.read("push_rules", &rules_of, requester.user.to_string());
}

task<Response> get_global(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const RuleSet rules = co_await own_rules(database, requester);
    co_return ok(described(rules, requester.user.to_string()));
}

task<Response> get_kind(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::size_t kind = kind_parameter(request);
    const RuleSet rules = co_await own_rules(database, requester);
    co_return modapi::json_response(200, described(rules[kind], kind, requester.user.to_string()));
}

task<JsonDict> find_described(modapi::Database& database, RuleName name) {
    const RuleSet rules = co_await database.read("push_rules", &rules_of, name.user_id);
    for (const PushRule& rule : rules[name.kind]) {
        if (rule.rule_id == name.rule_id) co_return described(rule, name.kind, name.user_id);
    }
    refuse_unknown_rule();
}

task<Response> get_rule(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    JsonDict rule = co_await find_described(database, rule_parameter(request, requester));
    co_return ok(std::move(rule));
}

/// `enabled` or `actions`; no other attribute is known.
std::string attribute_parameter(const RoutedRequest& request) {
    const std::string& attribute = request.path_parameters.at(2);
    if (attribute != "enabled" && attribute != "actions") throw SynapseError(404, "Unrecognized request", Codes::UNRECOGNIZED);
    return attribute;
}

task<Response> get_attribute(const RoutedRequest& request, Authentication& authentication, modapi::Database& database) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::string attribute = attribute_parameter(request);
    const JsonDict rule = co_await find_described(database, rule_parameter(request, requester));
    JsonDict answer;
    answer[attribute] = rule.at(attribute);
    co_return ok(std::move(answer));
}

void wake(Notifier& notifier, const std::string& user_id) {
    std::vector<std::string> users;
    users.push_back(user_id);
    notifier.wake(std::move(users));
}

/// Asked in the transaction that changes rules: throws if whoever asked for it may not any more; empty: they may.
using Require = std::function<void(Transaction&)>;

void put_own_rule(Transaction& transaction, const Require& require, const RuleName& name, const JsonDict& rule,
                  const RulePlace& place) {
    require(transaction);
    put_rule(transaction, name, rule, place);
}

void remove_own_rule(Transaction& transaction, const Require& require, const RuleName& name) {
    require(transaction);
    remove_rule(transaction, name);
}

void set_attribute_if_allowed(Transaction& transaction, const Require& require, const RuleName& name,
                              const std::string& attribute, const JsonValue& value) {
    if (require) require(transaction);
    set_rule_attribute(transaction, name, attribute, value);
}

/// From the change of the table on.
task<void> put(modapi::Database& database, Notifier& notifier, Require require, const RuleName& name, const JsonDict& rule,
               const RulePlace& place) {
    co_await database.run_in_turn("put_push_rule", &put_own_rule, std::move(require), name, rule, place);
    wake(notifier, name.user_id);
}

task<void> remove(modapi::Database& database, Notifier& notifier, Require require, const RuleName& name) {
    co_await database.run_in_turn("remove_push_rule", &remove_own_rule, std::move(require), name);
    wake(notifier, name.user_id);
}

task<void> set_attribute(modapi::Database& database, Notifier& notifier, Require require, RuleName name,
                         std::string attribute, JsonValue value) {
    co_await database.run_in_turn("set_push_rule_attribute", &set_attribute_if_allowed, std::move(require), name, attribute,
                                  value);
    wake(notifier, name.user_id);
}

task<Response> put_rule_request(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                Notifier& notifier) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const RuleName name = rule_parameter(request, requester);
    const JsonDict rule = checked_rule(name, required_json_body(request));
    RulePlace place;
    place.before = request.http.argument("before");
    place.after = request.http.argument("after");
    co_await to_the_end(put(database, notifier, while_session_stands(requester), name, rule, place));
    co_return ok();
}

task<Response> delete_rule_request(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   Notifier& notifier) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const RuleName name = rule_parameter(request, requester);
    try {
        co_await to_the_end(remove(database, notifier, while_session_stands(requester), name));
    } catch (const callbacks::RuleNotFoundException&) {
        refuse_unknown_rule();
    }
    co_return ok();
}

task<Response> put_attribute(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                             Notifier& notifier) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const RuleName name = rule_parameter(request, requester);
    const std::string attribute = attribute_parameter(request);
    const JsonDict body = required_json_body(request);
    JsonValue value;
    if (attribute == "actions") {
        value = checked_actions(body);
    } else {
        const JsonValue* const enabled = body.if_contains("enabled");
        if (enabled == nullptr || !enabled->is_bool()) refuse("Value for 'enabled' must be boolean.", Codes::INVALID_PARAM);
        value = *enabled;
    }
    try {
        co_await to_the_end(
            set_attribute(database, notifier, while_session_stands(requester), name, attribute, std::move(value)));
    } catch (const callbacks::RuleNotFoundException&) {
        refuse_unknown_rule();
    }
    co_return ok();
}

}  // namespace

task<void> set_rule_actions(modapi::Database& database, Notifier& notifier, std::string user_id, std::string kind,
                            std::string rule_id, JsonArray actions) {
    const std::optional<std::size_t> known = rule_kind_of(kind);
    if (!known) throw callbacks::RuleNotFoundException("there is no push rule " + kind + "/" + rule_id);
    RuleName name;
    name.user_id = std::move(user_id);
    name.kind = *known;
    name.rule_id = std::move(rule_id);
    JsonValue value(std::move(actions));
    return to_the_end(set_attribute(database, notifier, nullptr, std::move(name), "actions", std::move(value)));
}

void add_push_rule_endpoints(Router& router) {
    add_client(router, "GET", "/pushrules", &get_all);
    add_client(router, "GET", "/pushrules/", &get_all);
    add_client(router, "GET", "/pushrules/global", &get_global);
    add_client(router, "GET", "/pushrules/global/", &get_global);
    add_client(router, "GET", "/pushrules/global/{kind}", &get_kind);
    add_client(router, "GET", "/pushrules/global/{kind}/", &get_kind);
    add_client(router, "GET", "/pushrules/global/{kind}/{rule_id}", &get_rule);
    add_client(router, "PUT", "/pushrules/global/{kind}/{rule_id}", &put_rule_request);
    add_client(router, "DELETE", "/pushrules/global/{kind}/{rule_id}", &delete_rule_request);
    add_client(router, "GET", "/pushrules/global/{kind}/{rule_id}/{attribute}", &get_attribute);
    add_client(router, "PUT", "/pushrules/global/{kind}/{rule_id}/{attribute}", &put_attribute);
}

}  // namespace homeserver
