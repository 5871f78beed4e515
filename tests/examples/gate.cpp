#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/dispatchers.h>

#include <async/context.h>
#include <async/notification.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/pfr/core.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gate {

using callbacks::JsonDict;

/// Whoever waits at the gate. Belongs to that executor's thread.
struct Waiting {
    boost::asio::any_io_executor executor;
    async::notification opened;
    bool is_open = false;
};

/// What all workers of the process share.
struct Gate {
    std::mutex mutex;
    std::string closed_for;            ///< the callback whose next call waits; empty: none
    std::shared_ptr<Waiting> waiting;  ///< null: nobody
    JsonDict answers;
};

Gate& the_gate() {
    static Gate gate;
    return gate;
}

/// A test's module: registers all callbacks, of which each answers as if nobody had asked. PUT to its resource with
/// `{"hold": "check_login_for_spam"}` has the next call of that callback, on whatever worker, wait until DELETE lets it go on;
/// GET says whether it waits. With `"accept": "@alice:hs.test"` the login type `org.example.gate` proves to be that user, with
/// `"watches": "@alice:hs.test"` everybody is interested in that user's presence, with `"routes": "@alice:hs.test"` Bob is to be
/// shown that user online whenever anybody's presence changes.
class GateModule {
public:
    GateModule(JsonDict, modapi::ModuleApi& api) {
        api.register_account_data_callbacks(filled<callbacks::AccountData>());
        api.register_account_validity_callbacks(filled<callbacks::AccountValidity>());
        api.register_password_auth_provider_callbacks(filled<callbacks::PasswordAuthProvider>());
        api.register_presence_router_callbacks(filled<callbacks::PresenceRouter>());
        api.register_media_repository_callbacks(filled<callbacks::MediaRepository>());
        api.register_ratelimit_callbacks(filled<callbacks::Ratelimit>());
        api.register_spam_checker_callbacks(filled<callbacks::SpamChecker>());
        api.register_third_party_rules_callbacks(filled<callbacks::ThirdPartyRules>());
        api.register_web_resource("/_synapse/client/gate", std::make_shared<GateResource>());
    }

private:
    class GateResource final : public modapi::DirectServeJsonResource {
    protected:
        async::task<modapi::JsonResponse> async_render_GET(const modapi::Request&) override {
            Gate& gate = the_gate();
            const std::lock_guard lock(gate.mutex);
            JsonDict answer;
            answer["waits"] = gate.waiting != nullptr;
            co_return modapi::JsonResponse(200, std::move(answer));
        }
        async::task<modapi::JsonResponse> async_render_PUT(const modapi::Request& request) override {
            const JsonDict body = request.json_object();
            Gate& gate = the_gate();
            const std::lock_guard lock(gate.mutex);
            const callbacks::JsonValue* const hold = body.if_contains("hold");
            gate.closed_for = hold == nullptr ? std::string() : std::string(hold->as_string());
            gate.answers = body;
            co_return modapi::JsonResponse(200, JsonDict());
        }
        async::task<modapi::JsonResponse> async_render_DELETE(const modapi::Request&) override {
            Gate& gate = the_gate();
            const std::lock_guard lock(gate.mutex);
            gate.closed_for.clear();
            if (const std::shared_ptr<Waiting> waiting = std::move(gate.waiting)) {
                boost::asio::post(waiting->executor, [waiting] {
                    waiting->is_open = true;
                    waiting->opened.notify_all();
                });
            }
            co_return modapi::JsonResponse(200, JsonDict());
        }
    };

    /// Waits if the gate is closed for this callback.
    static async::task<void> pass(std::string_view callback) {
        const async::context& here = co_await async::this_context;
        const std::shared_ptr<Waiting> waiting = stopped_at(callback, here.executor());
        while (waiting && !waiting->is_open) co_await waiting->opened.wait();
    }
    static std::shared_ptr<Waiting> stopped_at(std::string_view callback, boost::asio::any_io_executor executor) {
        Gate& gate = the_gate();
        const std::lock_guard lock(gate.mutex);
        if (gate.closed_for != callback) return nullptr;
        gate.closed_for.clear();
        gate.waiting = std::make_shared<Waiting>();
        gate.waiting->executor = std::move(executor);
        return gate.waiting;
    }
    static std::optional<std::string> answer_of(std::string_view key) {
        Gate& gate = the_gate();
        const std::lock_guard lock(gate.mutex);
        const callbacks::JsonValue* const value = gate.answers.if_contains(key);
        if (value == nullptr) return std::nullopt;
        return std::string(value->as_string());
    }

    template <class Category>
    static Category filled() {
        Category category;
        boost::pfr::for_each_field(category, [](auto& slot) { fill(slot); });
        return category;
    }

    static callbacks::UsersForStates online_for(const std::optional<std::string>& user) {
        callbacks::UsersForStates shown;
        if (!user) return shown;
        callbacks::UserPresenceState online;
        online.user_id = *user;
        online.state = "online";
        shown["@bob:hs.test"].insert(std::move(online));
        return shown;
    }

    template <async::name Name, class Combine, class Answer>
    static Answer neutral() {
        if constexpr (std::is_same_v<Answer, bool>) {
            return !std::is_base_of_v<async::first_not<false>, Combine>;
        } else if constexpr (std::is_same_v<Answer, callbacks::Verdict>) {
            return callbacks::NOT_SPAM;
        } else if constexpr (std::is_same_v<Answer, callbacks::EventDecision>) {
            return callbacks::EVENT_ALLOWED;
        } else if constexpr (std::is_same_v<Answer, callbacks::RegistrationBehaviour>) {
            return Answer::ALLOW;
        } else if constexpr (std::is_same_v<Answer, callbacks::InterestedUsers>) {
            callbacks::InterestedUsers::Set users;
            if (const std::optional<std::string> watched = answer_of("watches")) users.insert(*watched);
            return users;
        } else if constexpr (std::is_same_v<Answer, callbacks::UsersForStates>) {
            return online_for(answer_of("routes"));
        } else if constexpr (Name.view() == "auth_checkers") {
            if (const std::optional<std::string> user = answer_of("accept")) return callbacks::AuthResult(*user);
            return std::nullopt;
        } else {
            return Answer();
        }
    }

    template <async::name Name, class R, class... Parameters, class Combine, class Errors>
    static void fill(async::slot<Name, R(Parameters...), Combine, Errors>& slot) {
        using answer = typename async::dispatch<Name, R(Parameters...), Combine, Errors>::answer;
        slot =
            async::slot<Name, R(Parameters...), Combine, Errors>([](Parameters...) { return asked<Name, Combine, answer>(); });
    }
    template <async::name Name, class Combine, class Answer>
    static async::task<Answer> asked() {
        co_await pass(Name.view());
        if constexpr (!std::is_void_v<Answer>) co_return neutral<Name, Combine, Answer>();
    }
    template <async::name Name, class Signature, class Combine, class Errors>
    static void fill(async::slot<Name, Signature, Combine, Errors, callbacks::LoginType>& slot) {
        async::slot<Name, Signature, Combine, Errors> checker;
        fill(checker);
        slot = {{callbacks::LoginType("org.example.gate", {"field"}), std::move(checker)}};
    }
};

}  // namespace gate

using gate::GateModule;
MODAPI_MODULE(GateModule)
