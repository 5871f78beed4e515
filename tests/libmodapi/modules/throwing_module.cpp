#include <modapi/http_client.h>
#include <modapi/module_api.h>

#include <callbacks/module_exception.h>

#include <boost/system/system_error.hpp>
#include <boost/throw_exception.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

/// Another module of the tests has a class of this name and other members.
struct Denied : std::runtime_error {
    explicit Denied(int why) : std::runtime_error("denied for reason " + std::to_string(why)), reason(why) {}
    int reason;
};
struct Teapot : callbacks::SynapseError {
    Teapot() : callbacks::SynapseError(418, "a teapot of its own", "ORG_EXAMPLE_TEAPOT") {}
};
struct Wordless {};

namespace {

void throw_as_said(const std::string& what) {
    if (what == "denied") throw Denied(7);
    if (what == "teapot") throw Teapot();
    if (what == "wordless") throw Wordless();
    if (what == "standard") throw std::out_of_range("too far");
    if (what == "nested") {
        try {
            throw std::out_of_range("the reason");
        } catch (...) {
            std::throw_with_nested(std::length_error("what came of it"));
        }
    }
    if (what == "nested denial") {
        try {
            throw std::out_of_range("the reason");
        } catch (...) {
            std::throw_with_nested(Denied(8));
        }
    }
    if (what == "boost") throw boost::system::system_error(make_error_code(boost::system::errc::timed_out));
    if (what == "boost with its place") boost::throw_exception(std::domain_error("out of it"));
    if (what == "framework") throw callbacks::AuthError(403, "not you");
    if (what == "http") throw modapi::HttpResponseException(502, "Bad Gateway", "body");
    if (what == "number") throw 5;
}

}  // namespace

/// Throws what an event's type says, and catches what comes out of an event of its own.
class ThrowingModule {
public:
    ThrowingModule(const callbacks::JsonDict&, modapi::ModuleApi& api) : api_(api) {
        callbacks::SpamChecker spam_checker;
        spam_checker.check_event_for_spam = async::bind<&ThrowingModule::check>(this);
        spam_checker.user_may_create_room = async::bind<&ThrowingModule::may_create>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
        callbacks::ThirdPartyRules rules;
        rules.check_event_allowed = async::bind<&ThrowingModule::allowed>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
        callbacks::PasswordAuthProvider authentication;
        authentication.auth_checkers = {
            {callbacks::LoginType("org.example.throwing", {"said"}), async::bind<&ThrowingModule::check_auth>(this)}};
        authentication.check_3pid_auth = async::bind<&ThrowingModule::check_address>(this);
        api.register_password_auth_provider_callbacks(std::move(authentication));
        callbacks::BackgroundUpdateController controller;
        controller.on_update = async::bind<&ThrowingModule::surround>(this);
        api.register_background_update_controller_callbacks(std::move(controller));
    }

private:
    /// Throws with the login's response what `said` says.
    struct Response {
        std::string said;
        async::task<void> operator()(callbacks::LoginResponse& response) const {
            response["seen"] = true;
            throw_as_said(said);
            co_return;
        }
    };
    async::task<std::optional<callbacks::AuthResult>> check_auth(const std::string& user, const std::string&,
                                                                 const callbacks::JsonDict& given) {
        Response response{std::string(given.at("said").as_string())};
        co_return callbacks::AuthResult(user, callbacks::ResponseCallback(std::move(response)));
    }
    async::task<std::optional<callbacks::AuthResult>> check_address(const std::string&, const std::string& address,
                                                                    const std::string& password) {
        Response response{password};
        co_return callbacks::AuthResult(address, callbacks::ResponseCallback(std::move(response)));
    }
    /// Throws before the iteration what the update's name says, after it what the database's says.
    static async::context_manager<int> surrounding(std::string before, std::string after) {
        throw_as_said(before);
        co_yield 100;
        throw_as_said(after);
    }
    async::context_manager<int> surround(const std::string& update_name, const std::string& database_name, bool) {
        return surrounding(update_name, database_name);
    }
    async::task<callbacks::Verdict> check(const callbacks::Event& event) {
        throw_as_said(event.type());
        co_return callbacks::NOT_SPAM;
    }
    async::task<callbacks::EventDecision> allowed(const callbacks::Event& event, const callbacks::StateMap&) {
        throw_as_said(event.type());
        co_return callbacks::EVENT_ALLOWED;
    }
    async::task<callbacks::Verdict> may_create(const std::string& user) {
        if (user != "@throwing:example.org") co_return callbacks::NOT_SPAM;
        callbacks::JsonDict event;
        event["type"] = "denied";
        event["room_id"] = "!room:example.org";
        event["sender"] = user;
        event["content"] = callbacks::JsonDict();
        std::string caught = "nothing";
        try {
            static_cast<void>(co_await api_.create_and_send_event_into_room(std::move(event)));
        } catch (const callbacks::ModuleException& of_a_module) {
            caught = unwrapped(of_a_module);
        }
        co_return callbacks::reject("ORG_EXAMPLE_CAUGHT", caught);
    }
    static std::string unwrapped(const callbacks::ModuleException& of_a_module) {
        try {
            of_a_module.rethrow_original();
        } catch (const Denied& denied) {
            return "its own denial, for reason " + std::to_string(denied.reason);
        }
        return "something that it can't unwrap";
    }

    modapi::ModuleApi& api_;
};

MODAPI_MODULE(ThrowingModule)
