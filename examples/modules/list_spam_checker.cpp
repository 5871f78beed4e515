#include <modapi/module_api.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using EvilUsers = std::set<std::string>;

/// GET with `?user=`: whether that user is on the list.
class IsUserEvilResource final : public modapi::DirectServeJsonResource {
public:
    explicit IsUserEvilResource(EvilUsers evil_users) : evil_users_(std::move(evil_users)) {}

protected:
    async::task<modapi::JsonResponse> async_render_GET(const modapi::Request& request) override {
        callbacks::JsonDict answer;
        answer["evil"] = evil_users_.contains(request.required_argument("user"));
        co_return modapi::JsonResponse(200, std::move(answer));
    }

private:
    EvilUsers evil_users_;
};

}  // namespace

/// Refuses every message of listed users (contract: "Spam checker callbacks", example).
class ListSpamChecker {
public:
    struct Config {
        EvilUsers evil_users;
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"evil_users"});
        Config parsed;
        const std::vector<std::string> listed = config.value_or("evil_users", std::vector<std::string>());
        parsed.evil_users.insert(listed.begin(), listed.end());
        return parsed;
    }

    ListSpamChecker(Config config, modapi::ModuleApi& api) : config_(std::move(config)) {
        api.register_spam_checker_callbacks(
            {.check_event_for_spam = async::bind<&ListSpamChecker::check_event_for_spam>(this)});
        api.register_web_resource("/_synapse/client/list_spam_checker/is_evil",
                                  std::make_shared<IsUserEvilResource>(config_.evil_users));
    }

private:
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event) {
        if (config_.evil_users.contains(event.sender())) co_return callbacks::Codes::FORBIDDEN;
        co_return callbacks::NOT_SPAM;
    }

    Config config_;
};

MODAPI_MODULE(ListSpamChecker)
