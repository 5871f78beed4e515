#include <modapi/module_api.h>

#include <map>
#include <string>
#include <utility>

/// Marks the events of some users with a badge: a field in `unsigned` that only clients see.
class UnsignedFields {
public:
    struct Config {
        std::string field;
        std::map<std::string, std::string> badges;  ///< by user id
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"field", "badges"});
        Config parsed;
        parsed.field = config.value_or<std::string>("field", "org.example.badge");
        const modapi::ConfigSection badges = config.section("badges");
        for (const auto& badge : badges.values()) {
            parsed.badges[std::string(badge.key())] = badges.required<std::string>(badge.key());
        }
        return parsed;
    }

    UnsignedFields(Config config, modapi::ModuleApi& api) : config_(std::move(config)) {
        callbacks::EventInterest::Names wearers;
        for (const auto& [user_id, badge] : config_.badges) wearers.push_back(user_id);
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            {.add_field_to_unsigned_callback = {async::bind<&UnsignedFields::add_badge>(this),
                                                callbacks::EventInterest().senders(std::move(wearers))}});
    }

private:
    /// Runs once per event and recipient: a function that writes its field needs no coroutine and no object.
    void add_badge(const callbacks::Event& event, callbacks::UnsignedWriter& out) {
        out.add(config_.field, config_.badges.at(event.sender()));
    }

    Config config_;
};

MODAPI_MODULE(UnsignedFields)
