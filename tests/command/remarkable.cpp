#include <modapi/module_api.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

/// Has whatever `modapi check` tells of a module, and fails where its log alone would say so.
class Remarkable {
public:
    static constexpr const char* version = "3.2.1";

    static callbacks::JsonDict parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"room", "broken", "closed"});
        static_cast<void>(config.value_or<std::string>("room", ""));
        return config.values();
    }
    Remarkable(const callbacks::JsonDict& config, modapi::ModuleApi& api) {
        if (config.contains("broken")) throw std::runtime_error("can't be built as asked");
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            {.add_field_to_unsigned_callback = {async::bind<&Remarkable::add>(this), callbacks::EventInterest(),
                                                callbacks::once_per_event}});
        if (config.contains("closed")) {
            callbacks::SpamChecker nobody;
            nobody.check_registration_for_spam = async::bind<&Remarkable::refuse>(this);
            api.register_spam_checker_callbacks(std::move(nobody));
        }
        callbacks::StateFilter closed;
        closed.emplace_back("org.example.closed", "");
        callbacks::ThirdPartyRules rules;
        rules.check_event_allowed = {async::bind<&Remarkable::check>(this), closed};
        rules.on_new_event = async::bind<&Remarkable::fail>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
    }
    void start() { has_started_ = true; }
    void ready() {}
    void stop() {}
    callbacks::JsonDict save() { return {}; }
    void restore(const callbacks::JsonDict&) {}

private:
    void add(const callbacks::Event&, callbacks::UnsignedWriter& out) const { out.add("org.example.started", has_started_); }
    bool check(const callbacks::Event&, const callbacks::StateMap& state) {
        return state.find("org.example.closed") == nullptr;
    }
    callbacks::RegistrationBehaviour refuse(const std::optional<callbacks::JsonDict>&,
                                            const std::optional<std::string>& username,
                                            const callbacks::RegistrationRequestInfo&, const std::optional<std::string>&) {
        return username == "alice" ? callbacks::RegistrationBehaviour::DENY : callbacks::RegistrationBehaviour::ALLOW;
    }
    void fail(const callbacks::Event&, const callbacks::StateMap&) { throw std::runtime_error("two\nlines"); }

    bool has_started_ = false;
};

/// Registers nothing.
class Silent {
public:
    Silent(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

MODAPI_MODULE(Remarkable)
MODAPI_MODULE(Silent)
