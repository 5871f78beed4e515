#include <modapi/module_api.h>

#include <stdexcept>

/// Throws what a module throws, so that the test can see whether the host catches it by type.
class GoodModule {
public:
    static std::string parse_config(const modapi::ConfigSection& config) { return config.value_or<std::string>("throws", ""); }

    GoodModule(std::string throws, modapi::ModuleApi& api) : throws_(std::move(throws)) {
        if (throws_ == "constructor") throw callbacks::RegistrationError("this module doesn't want to");
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&GoodModule::check>(this)});
    }

private:
    async::task<callbacks::Verdict> check(const callbacks::Event&) {
        if (throws_ == "synapse error") throw callbacks::SynapseError(418, "teapot", "ORG_EXAMPLE_TEAPOT");
        if (throws_ == "response") throw modapi::HttpResponseException(502, "Bad Gateway", "body");
        co_return callbacks::Codes::FORBIDDEN;
    }

    std::string throws_;
};

MODAPI_MODULE(GoodModule)

class SecondModule {
public:
    SecondModule(const callbacks::JsonDict&, modapi::ModuleApi&) {}
};

MODAPI_MODULE(SecondModule)
