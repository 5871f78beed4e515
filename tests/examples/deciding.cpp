#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <async/bind.h>

#include <spdlog/logger.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace deciding {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::StateMap;

/// A test's module: decides on events by the state that it is shown, waits where the test says so, and makes events while it is
/// asked. Every question is a line of the log.
///
/// A closed room (`x.closed`) takes no messages. Where the last admin leaves, `x.frozen` is set first. What an event holds as
/// `org.test` says more: `make` is a list of events to send one by one, `group` one to send together, `invite` whom to invite in
/// the name of `as` (none: the sender), `then` what follows: `deny`, or `topic`, with which the event says what the topic is. As
/// often as `topics` says, a new topic is set while check_event_for_spam is asked about it.
/// A file `hold TYPE` in the folder `gates` (`hold TYPE MEMBERSHIP` for memberships) makes the callback wait until the file is gone.
class Deciding {
public:
    Deciding(JsonDict config, modapi::ModuleApi& api) : api_(api), gates_(std::string(config.at("gates").as_string())) {
        callbacks::ThirdPartyRules rules;
        rules.check_event_allowed = async::bind<&Deciding::check_event_allowed>(this);
        rules.on_new_event = async::bind<&Deciding::on_new_event>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
        callbacks::SpamChecker spam_checker;
        spam_checker.check_event_for_spam = async::bind<&Deciding::check_event_for_spam>(this);
        spam_checker.user_may_join_room = async::bind<&Deciding::user_may_join_room>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
    }

private:
    static constexpr double blink = 0.002;

    /// What an event is called in the log: its body, or type, membership and state key.
    static std::string name_of(const Event& event) {
        if (const auto body = event.content_string("body")) return std::string(*body);
        std::string name = event.type();
        if (const auto membership = event.membership()) name += " " + std::string(*membership);
        if (event.state_key() && !event.state_key()->empty()) name += " " + *event.state_key();
        return name;
    }
    async::task<void> wait_at_gate(std::string what) {
        const std::filesystem::path gate = gates_ / ("hold " + what);
        if (!std::filesystem::exists(gate)) co_return;
        api_.logger().warn("waits at {}", what);
        while (std::filesystem::exists(gate)) co_await api_.sleep(blink);
    }
    static JsonDict orders_of(const Event& event) {
        const JsonValue* const orders = event.content().if_contains("org.test");
        return orders != nullptr && orders->is_object() ? orders->get_object() : JsonDict();
    }

    async::task<callbacks::EventDecision> check_event_allowed(const Event& event, const StateMap& state) {
        api_.logger().warn("asked about {}", name_of(event));
        std::string kind = event.type();
        if (const auto membership = event.membership()) kind += " " + std::string(*membership);
        co_await wait_at_gate(std::move(kind));
        if (event.type() == "m.room.message" && state.find("x.closed") != nullptr) co_return false;
        if (event.membership() == "leave" && is_last_admin(event, state)) co_await freeze(event);
        const JsonDict orders = orders_of(event);
        if (orders.contains("make")) co_await make(event, orders.at("make").as_array());
        if (orders.contains("group")) co_await make_together(event, orders.at("group").as_array());
        if (orders.contains("invite")) co_await invite(event, orders);
        co_await wait_at_gate("after " + name_of(event));
        const StateMap seen = co_await api_.get_room_state(event.room_id());
        api_.logger().warn("sees {} topic {}", name_of(event), topic_of(seen));
        if (!orders.contains("then")) co_return true;
        if (orders.at("then") != "topic") co_return false;
        JsonDict replacement = event.get_dict();
        replacement.at("content").as_object()["topic"] = topic_of(state);
        co_return callbacks::EventDecision(true, std::move(replacement));
    }
    async::task<void> invite(const Event& event, JsonDict orders) {
        const std::string inviter = orders.contains("as") ? std::string(orders.at("as").as_string()) : event.sender();
        const std::string invitee(orders.at("invite").as_string());
        static_cast<void>(co_await api_.update_room_membership(inviter, invitee, event.room_id(), "invite"));
    }
    async::task<void> set_topic(const Event& event) {
        JsonDict topic;
        topic["type"] = "m.room.topic";
        topic["room_id"] = event.room_id();
        topic["sender"] = event.sender();
        topic["state_key"] = "";
        JsonDict content;
        content["topic"] = std::to_string(++topics_set_);
        topic["content"] = std::move(content);
        co_await api_.create_and_send_event_into_room(std::move(topic));
    }
    static std::string topic_of(const StateMap& state) {
        const Event* const topic = state.find("m.room.topic");
        return topic == nullptr ? "none" : std::string(topic->content_string("topic").value_or("none"));
    }

    static bool is_last_admin(const Event& event, const StateMap& state) {
        const callbacks::PowerLevels levels(state);
        if (levels.of_user(event.sender()) < 100) return false;
        for (const auto& [key, each] : state) {
            if (each.membership() != "join" || key.second == event.sender()) continue;
            if (levels.of_user(key.second) >= 100) return false;
        }
        return true;
    }
    async::task<void> freeze(const Event& event) {
        JsonDict frozen;
        frozen["type"] = "x.frozen";
        frozen["room_id"] = event.room_id();
        frozen["sender"] = event.sender();
        frozen["state_key"] = "";
        frozen["content"] = JsonDict();
        co_await api_.create_and_send_event_into_room(std::move(frozen));
    }

    static JsonDict in_room_of(const Event& event, const JsonValue& wanted) {
        JsonDict made = wanted.as_object();
        made["room_id"] = event.room_id();
        made["sender"] = event.sender();
        return made;
    }
    async::task<void> make(const Event& event, boost::json::array wanted) {
        for (const JsonValue& each : wanted) {
            const Event made = co_await api_.create_and_send_event_into_room(in_room_of(event, each));
            const std::string event_id = *made.event_id();
            const std::optional<Event> found = co_await api_.get_event(event_id);
            api_.logger().warn("made {} {}", event_id, found ? "seen" : "unseen");
        }
    }
    async::task<void> make_together(const Event& event, boost::json::array wanted) {
        modapi::EventGroup group(event.room_id());
        for (const JsonValue& each : wanted) group.add(in_room_of(event, each));
        const std::vector<Event> made = co_await api_.send_events(std::move(group));
        api_.logger().warn("made {} together", made.size());
    }

    async::task<callbacks::Verdict> check_event_for_spam(const Event& event) {
        api_.logger().warn("asked whether {} is spam", name_of(event));
        const JsonDict orders = orders_of(event);
        if (orders.contains("topics") && topics_set_ < orders.at("topics").as_int64()) co_await set_topic(event);
        co_return callbacks::NOT_SPAM;
    }
    async::task<callbacks::Verdict> user_may_join_room(const std::string& user, const std::string&, bool is_invited) {
        api_.logger().warn("asked whether {} may join{}", user, is_invited ? " invited" : "");
        co_await wait_at_gate("join");
        co_return callbacks::NOT_SPAM;
    }
    async::task<void> on_new_event(const Event& event, const StateMap&) {
        api_.logger().warn("heard of {}", name_of(event));
        co_return;
    }

    modapi::ModuleApi& api_;
    std::filesystem::path gates_;
    std::int64_t topics_set_ = 0;
};

}  // namespace deciding

using deciding::Deciding;
MODAPI_MODULE(Deciding)
