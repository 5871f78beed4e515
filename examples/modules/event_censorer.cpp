#include <modapi/module_api.h>

#include <string>
#include <utility>

/// Lets a service rewrite the content of every message (contract: "Third-party rules callbacks", example).
///
/// The service gets the event by POST and answers with its new content. A service that can't be reached, or answers with
/// anything but an object, fails the event: what can't be censored isn't sent.
class EventCensorer {
public:
    struct Config {
        std::string endpoint;
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"endpoint"});
        Config parsed;
        parsed.endpoint = config.value_or<std::string>("endpoint", "https://my-internal-service.local/censor-event");
        return parsed;
    }

    EventCensorer(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
        // The operator named this service: it may be an internal one.
        api.http_client().allow(config_.endpoint);
        api.register_third_party_rules_callbacks(
            {.check_event_allowed = async::bind<&EventCensorer::check_event_allowed>(this)});
    }

private:
    async::task<callbacks::EventDecision> check_event_allowed(const callbacks::Event& event, const callbacks::StateMap&) {
        // The contract says "incoming messages": a room's state isn't the service's to rewrite.
        if (event.type() != "m.room.message" || event.is_state()) co_return callbacks::EVENT_ALLOWED;
        callbacks::JsonDict event_dict = event.get_dict();
        callbacks::JsonValue new_content = co_await api_.http_client().post_json_get_json(config_.endpoint, event_dict);
        event_dict["content"] = std::move(new_content.as_object());
        co_return callbacks::EventDecision(true, std::move(event_dict));
    }

    Config config_;
    modapi::ModuleApi& api_;
};

MODAPI_MODULE(EventCensorer)
