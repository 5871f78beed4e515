#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/dispatchers.h>

#include <boost/pfr/core.hpp>

#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace scripted {

using callbacks::Codes;
using callbacks::JsonDict;

/// The answer with which a module decides, by the type that the callback's declaration gives it. `name` is the module's, so
/// that a test sees whose answer it was.
template <class Answer>
struct Decision;
template <>
struct Decision<callbacks::Verdict> {
    static callbacks::Verdict made_by(const std::string& name) {
        JsonDict fields;
        fields["org.example.by"] = name;
        return callbacks::Verdict(Codes::CONSENT_NOT_GIVEN, std::move(fields));
    }
};
template <>
struct Decision<callbacks::EventDecision> {
    static callbacks::EventDecision made_by(const std::string&) { return false; }
};
template <>
struct Decision<std::optional<callbacks::AuthResult>> {
    static std::optional<callbacks::AuthResult> made_by(const std::string& name) {
        return callbacks::AuthResult("@user-of-" + name + ":hs.test");
    }
};
template <>
struct Decision<std::optional<std::string>> {
    /// Another one each time: it becomes somebody's name.
    static std::optional<std::string> made_by(const std::string& name) {
        static int made = 0;
        return "named-by-" + name + "-" + std::to_string(++made);
    }
};
template <>
struct Decision<std::optional<bool>> {
    static std::optional<bool> made_by(const std::string&) { return true; }
};
template <>
struct Decision<std::optional<JsonDict>> {
    static std::optional<JsonDict> made_by(const std::string& name) { return JsonDict({{"org.example.by", name}}); }
};
/// What nobody's upload keeps to.
template <>
struct Decision<std::optional<std::vector<callbacks::MediaUploadLimit>>> {
    static std::optional<std::vector<callbacks::MediaUploadLimit>> made_by(const std::string&) {
        return std::vector<callbacks::MediaUploadLimit>{{1, 3'600'000}};
    }
};
/// What lets nobody do anything.
template <>
struct Decision<std::optional<callbacks::RatelimitOverride>> {
    static std::optional<callbacks::RatelimitOverride> made_by(const std::string&) { return callbacks::RatelimitOverride(1e-6, 0); }
};
template <>
struct Decision<callbacks::RegistrationBehaviour> {
    static callbacks::RegistrationBehaviour made_by(const std::string&) { return callbacks::RegistrationBehaviour::DENY; }
};
template <>
struct Decision<JsonDict> {
    static JsonDict made_by(const std::string& name) {
        JsonDict fields;
        fields["org.example.by"] = name;
        fields["org.example.of_" + name] = true;
        return fields;
    }
};
template <>
struct Decision<callbacks::UsersForStates> {
    static callbacks::UsersForStates made_by(const std::string& name) {
        callbacks::UserPresenceState star;
        star.user_id = "@star-of-" + name + ":hs.test";
        star.state = "online";
        callbacks::UsersForStates users;
        users["@fan:hs.test"].insert(std::move(star));
        return users;
    }
};
template <>
struct Decision<callbacks::InterestedUsers> {
    static callbacks::InterestedUsers made_by(const std::string& name) {
        callbacks::InterestedUsers::Set users;
        users.insert("@star-of-" + name + ":hs.test");
        return users;
    }
};

/// A controller's iteration: sets no time aside and needs no clean-up.
class Iteration {
public:
    async::task<int> enter() { co_return 10; }
    async::task<void> exit(std::exception_ptr) { co_return; }
};

/// A bool decides with what the combine rule doesn't pass over.
template <class Combine>
inline constexpr bool passed_over = std::is_base_of_v<async::first_not<true>, Combine>;

/// A test's module: registers all the callbacks (those of a background update controller with `updates`), and answers each as
/// its script says. PUT to its resource sets the script, from a callback's name to what it does: `decide`; `throw`, also
/// `lines`, `bytes` (that aren't UTF-8), `a cancellation`, `SynapseError` or `a success`; `replace with bytes`; `make no
/// number`, where JSON is answered. GET gives the names of the callbacks that were asked since.
class Scripted {
public:
    Scripted(JsonDict config, modapi::ModuleApi& api) : name_(config.at("name").as_string()) {
        api.register_account_data_callbacks(filled<callbacks::AccountData>());
        api.register_account_validity_callbacks(filled<callbacks::AccountValidity>());
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(filled<callbacks::Unsigned>());
        if (config.contains("updates"))
            api.register_background_update_controller_callbacks(filled<callbacks::BackgroundUpdateController>());
        api.register_password_auth_provider_callbacks(filled<callbacks::PasswordAuthProvider>());
        api.register_presence_router_callbacks(filled<callbacks::PresenceRouter>());
        api.register_media_repository_callbacks(filled<callbacks::MediaRepository>());
        api.register_ratelimit_callbacks(filled<callbacks::Ratelimit>());
        api.register_spam_checker_callbacks(filled<callbacks::SpamChecker>());
        api.register_third_party_rules_callbacks(filled<callbacks::ThirdPartyRules>());
        api.register_web_resource("/_synapse/client/scripted/" + name_, std::make_shared<ScriptResource>(*this));
    }

private:
    class ScriptResource final : public modapi::DirectServeJsonResource {
    public:
        explicit ScriptResource(Scripted& module) : module_(module) {}

    protected:
        async::task<modapi::JsonResponse> async_render_GET(const modapi::Request&) override {
            JsonDict answer;
            answer["asked"] = module_.asked_;
            co_return modapi::JsonResponse(200, std::move(answer));
        }
        async::task<modapi::JsonResponse> async_render_PUT(const modapi::Request& request) override {
            module_.script_ = request.json_object();
            module_.asked_.clear();
            co_return modapi::JsonResponse(200, JsonDict());
        }

    private:
        Scripted& module_;
    };

    template <class Category>
    Category filled() {
        Category category;
        boost::pfr::for_each_field(category, [this](auto& slot) { this->fill(slot); });
        return category;
    }

    template <async::name Name, class R, class... Parameters, class Combine, class Errors>
    void fill(async::slot<Name, R(Parameters...), Combine, Errors>& slot) {
        using answer = typename async::dispatch<Name, R(Parameters...), Combine, Errors>::answer;
        slot = async::slot<Name, R(Parameters...), Combine, Errors>([this]([[maybe_unused]] Parameters... arguments) -> answer {
            const std::string behaviour = begin(Name.view());
            if constexpr (Name.view() == "on_create_room") {
                if (behaviour == "decide") stamp(arguments...);
                if (behaviour == "make no number") forget_a_number(arguments...);
            }
            if constexpr (std::is_same_v<answer, bool>) {
                return (behaviour == "decide") != passed_over<Combine>;
            } else if constexpr (std::is_same_v<answer, callbacks::RegistrationBehaviour>) {
                return behaviour == "decide" ? Decision<answer>::made_by(name_) : answer::ALLOW;
            } else if constexpr (std::is_same_v<answer, callbacks::Verdict>) {
                if (behaviour == "make no number") return callbacks::Verdict(Codes::FORBIDDEN, with_no_number());
                return behaviour == "decide" ? Decision<answer>::made_by(name_) : answer(callbacks::NOT_SPAM);
            } else if constexpr (std::is_same_v<answer, callbacks::EventDecision>) {
                if (behaviour == "replace with bytes") return with_bytes(arguments...);
                if (behaviour == "make no number") return with_a_content_of_no_number(arguments...);
                return behaviour == "decide" ? Decision<answer>::made_by(name_) : answer(callbacks::EVENT_ALLOWED);
            } else if constexpr (std::is_same_v<answer, int>) {
                return 5;
            } else if constexpr (std::is_same_v<answer, async::context_manager<int>>) {
                return Iteration();
            } else if constexpr (!std::is_void_v<answer>) {
                if constexpr (std::is_same_v<answer, JsonDict>) {
                    if (behaviour == "make no number") return with_no_number();
                    if (behaviour == "make bytes") return JsonDict({{"org.example.bytes", "not \xFF UTF-8"}});
                }
                return behaviour == "decide" ? Decision<answer>::made_by(name_) : answer();
            }
        });
    }
    template <async::name Name, class Signature, class Combine, class Errors>
    void fill(async::slot<Name, Signature, Combine, Errors, callbacks::LoginType>& slot) {
        async::slot<Name, Signature, Combine, Errors> checker;
        fill(checker);
        slot = {{callbacks::LoginType("org.example.scripted", {"field"}), std::move(checker)}};
    }

    /// Notes the call; gives what the script says of it, if that is no exception.
    std::string begin(std::string_view callback) {
        asked_.emplace_back(callback);
        const callbacks::JsonValue* const behaviour = script_.if_contains(callback);
        if (behaviour == nullptr) return {};
        if (*behaviour == "throw") throw std::runtime_error("the module " + name_ + " failed");
        if (*behaviour == "throw lines") throw std::runtime_error("first line\r\nsecond line");
        if (*behaviour == "throw bytes") throw callbacks::SynapseError(418, "not \xFF UTF-8", "ORG_EXAMPLE_TEAPOT");
        if (*behaviour == "throw a cancellation") throw async::operation_cancelled(async::cancel_reason::stopping);
        if (*behaviour == "throw SynapseError") throw callbacks::SynapseError(418, "teapot of " + name_, "ORG_EXAMPLE_TEAPOT");
        if (*behaviour == "throw a success") throw callbacks::SynapseError(200, "all is well", "ORG_EXAMPLE_FINE");
        return std::string(behaviour->as_string());
    }

    static callbacks::EventDecision with_bytes(const callbacks::Event& event, const callbacks::StateMap&) {
        JsonDict replacement = event.get_dict();
        replacement["content"].as_object()["body"] = "not \xFF UTF-8";
        return callbacks::EventDecision(true, std::move(replacement));
    }

    static JsonDict with_no_number() {
        JsonDict fields;
        fields["org.example.number"] = std::nan("");
        return fields;
    }
    static callbacks::EventDecision with_a_content_of_no_number(const callbacks::Event& event, const callbacks::StateMap&) {
        JsonDict replacement = event.get_dict();
        replacement["content"] = with_no_number();
        return callbacks::EventDecision(true, std::move(replacement));
    }
    static void forget_a_number(const callbacks::Requester&, JsonDict& request_content, bool) {
        request_content["creation_content"] = with_no_number();
    }

    void stamp(const callbacks::Requester&, JsonDict& request_content, bool) {
        request_content["topic"] = "stamped by " + name_;
    }

    std::string name_;
    JsonDict script_;
    callbacks::JsonArray asked_;
};

}  // namespace scripted

using scripted::Scripted;
MODAPI_MODULE(Scripted)
