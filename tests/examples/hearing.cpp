#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/presence.h>
#include <callbacks/presence_router.h>
#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <async/bind.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hearing {

/// A test's module: remembers the events that it is asked about and told of, the latter with what their rooms' states say of
/// their senders. Lets `fan` see the presence of `star`, and routes it to `friend`, of the configuration. GET gives the events.
class Hearing {
public:
    Hearing(const callbacks::JsonDict& config, modapi::ModuleApi& api)
        : fan_(text(config, "fan")), star_(text(config, "star")), friend_(text(config, "friend")) {
        callbacks::ThirdPartyRules rules;
        rules.on_new_event = async::bind<&Hearing::on_new_event>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
        callbacks::SpamChecker spam_checker;
        spam_checker.check_event_for_spam = async::bind<&Hearing::check_event_for_spam>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
        callbacks::PresenceRouter router;
        router.get_users_for_states = async::bind<&Hearing::get_users_for_states>(this);
        router.get_interested_users = async::bind<&Hearing::get_interested_users>(this);
        api.register_presence_router_callbacks(std::move(router));
        api.register_web_resource("/_synapse/client/hearing", std::make_shared<Heard>(*this));
    }

private:
    class Heard final : public modapi::DirectServeJsonResource {
    public:
        explicit Heard(Hearing& module) : module_(module) {}

    protected:
        async::task<modapi::JsonResponse> async_render_GET(const modapi::Request&) override {
            callbacks::JsonDict answer;
            answer["heard"] = module_.heard_;
            answer["asked"] = module_.asked_;
            co_return modapi::JsonResponse(200, std::move(answer));
        }

    private:
        Hearing& module_;
    };

    static std::string text(const callbacks::JsonDict& config, const std::string& key) {
        const callbacks::JsonValue* const value = config.if_contains(key);
        return value != nullptr ? std::string(value->as_string()) : std::string();
    }
    async::task<void> on_new_event(const callbacks::Event& event, const callbacks::StateMap& state) {
        callbacks::JsonDict heard;
        heard["event_id"] = event.event_id().value();
        heard["room_id"] = event.room_id();
        heard["type"] = event.type();
        const callbacks::Event* const member = state.find("m.room.member", event.sender());
        heard["membership"] = member != nullptr ? std::string(member->membership().value_or("none")) : std::string("none");
        const callbacks::Event* const name = state.find("m.room.name", "");
        heard["name"] = name != nullptr ? name->content().at("name") : callbacks::JsonValue();
        heard["body"] = event.content().contains("body") ? event.content().at("body") : callbacks::JsonValue();
        heard_.emplace_back(std::move(heard));
        co_return;
    }
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event) {
        asked_.emplace_back(event.event_id().value());
        co_return callbacks::NOT_SPAM;
    }
    async::task<callbacks::UsersForStates> get_users_for_states(const std::vector<callbacks::UserPresenceState>& changed) {
        callbacks::UsersForStates users;
        for (const callbacks::UserPresenceState& state : changed) {
            if (!friend_.empty() && state.user_id == star_) users[friend_].insert(state);
        }
        co_return users;
    }
    async::task<callbacks::InterestedUsers> get_interested_users(const std::string& user_id) {
        callbacks::InterestedUsers::Set users;
        if (!fan_.empty() && user_id == fan_) users.insert(star_);
        co_return callbacks::InterestedUsers(std::move(users));
    }

    std::string fan_;
    std::string star_;
    std::string friend_;
    callbacks::JsonArray heard_;
    callbacks::JsonArray asked_;
};

}  // namespace hearing

using hearing::Hearing;
MODAPI_MODULE(Hearing)
