#include <modapi/module_api.h>

#include <callbacks/module_exception.h>

#include <string>
#include <vector>

/// Another module of the tests has a class of this name and other members.
struct Denied {
    std::vector<std::string> users;
};

/// Sends an event that another module refuses, and says what it caught.
class CatchingModule {
public:
    CatchingModule(const callbacks::JsonDict&, modapi::ModuleApi& api) : api_(api) {
        callbacks::SpamChecker spam_checker;
        spam_checker.user_may_create_room = async::bind<&CatchingModule::may_create>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
    }

private:
    async::task<callbacks::Verdict> may_create(const std::string& user) {
        if (user != "@catching:example.org") co_return callbacks::NOT_SPAM;
        callbacks::JsonDict event;
        event["type"] = "denied";
        event["room_id"] = "!room:example.org";
        event["sender"] = user;
        event["content"] = callbacks::JsonDict();
        std::string caught = "nothing";
        try {
            static_cast<void>(co_await api_.create_and_send_event_into_room(std::move(event)));
        } catch (const Denied&) {
            caught = "the other module's denial as its own";
        } catch (const callbacks::ModuleCallbackFailed& failed) {
            failed.rethrow_original();
            caught = failed.module() + " " + failed.callback() + ": " + failed.what();
        }
        co_return callbacks::reject("ORG_EXAMPLE_CAUGHT", caught);
    }

    modapi::ModuleApi& api_;
};

MODAPI_MODULE(CatchingModule)
