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
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            {.add_field_to_unsigned_callback = async::bind<&UnsignedFields::add_badge>(this)});
    }

private:
    /// Runs once per event and recipient: a plain function costs no coroutine.
    callbacks::JsonDict add_badge(const callbacks::Event& event) {
        callbacks::JsonDict added;
        const auto badge = config_.badges.find(event.sender());
        if (badge != config_.badges.end()) added[config_.field] = badge->second;
        return added;
    }

    Config config_;
};

MODAPI_MODULE(UnsignedFields)
