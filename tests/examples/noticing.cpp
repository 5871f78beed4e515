#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/spam_checker.h>
#include <callbacks/unsigned.h>

#include <async/bind.h>

#include <memory>
#include <string>
#include <utility>

namespace noticing {

using callbacks::Event;
using callbacks::JsonDict;

/// A test's module: keeps what callbacks are given that no journal of strings shows. GET to its resource gives a list for each.
class Noticing {
public:
    Noticing(const JsonDict&, modapi::ModuleApi& api) {
        callbacks::SpamChecker spam_checker;
        spam_checker.federated_user_may_invite = async::bind<&Noticing::federated_user_may_invite>(this);
        spam_checker.user_may_create_room = async::bind<&Noticing::user_may_create_room>(this);
        spam_checker.user_may_send_state_event = async::bind<&Noticing::user_may_send_state_event>(this);
        spam_checker.check_username_for_spam = async::bind<&Noticing::check_username_for_spam>(this);
        spam_checker.should_drop_federated_event = async::bind<&Noticing::should_drop_federated_event>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            {.add_field_to_unsigned_callback = async::bind<&Noticing::add_field_to_unsigned>(this)});
        api.register_web_resource("/_synapse/client/noticing", std::make_shared<Noted>(*this));
    }

private:
    class Noted final : public modapi::DirectServeJsonResource {
    public:
        explicit Noted(Noticing& module) : module_(module) {}

    protected:
        async::task<modapi::JsonResponse> async_render_GET(const modapi::Request&) override {
            co_return modapi::JsonResponse(200, std::move(module_.noted_));
        }

    private:
        Noticing& module_;
    };

    void note(const std::string& callback, callbacks::JsonValue what) {
        callbacks::JsonValue& list = noted_[callback];
        if (!list.is_array()) list = callbacks::JsonArray();
        list.get_array().push_back(std::move(what));
    }

    callbacks::Verdict federated_user_may_invite(const Event& event) {
        note("federated_user_may_invite", event.unsigned_fields());
        return callbacks::NOT_SPAM;
    }
    bool should_drop_federated_event(const Event& event) {
        note("should_drop_federated_event", event.unsigned_fields());
        return false;
    }
    async::task<callbacks::Verdict> user_may_create_room(const std::string&, JsonDict room_config) {
        note("user_may_create_room", room_config);
        room_config["name"] = "changed by nobody";  // a copy
        co_return callbacks::NOT_SPAM;
    }
    async::task<callbacks::StateEventVerdict> user_may_send_state_event(const std::string&, const std::string&, const std::string&,
                                                                        const std::string&, JsonDict content) {
        note("user_may_send_state_event", content);
        const bool refuses_with_fields = content.contains("refuse with fields");
        content["topic"] = "changed by nobody";
        if (refuses_with_fields) co_return callbacks::StateEventVerdict(callbacks::Codes::CONSENT_NOT_GIVEN, std::move(content));
        co_return callbacks::NOT_SPAM;
    }
    async::task<bool> check_username_for_spam(callbacks::UserProfile profile, const std::string& requester_id) {
        note("check_username_for_spam", callbacks::JsonValue(profile.user_id + " for " + requester_id));
        co_return false;
    }
    JsonDict add_field_to_unsigned(const Event& event) {
        JsonDict fields;
        fields["org.example.is_redacted"] = event.unsigned_fields().contains("redacted_because");
        return fields;
    }

    JsonDict noted_;
};

}  // namespace noticing

using noticing::Noticing;
MODAPI_MODULE(Noticing)
