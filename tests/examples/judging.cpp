#include <modapi/module.h>
#include <modapi/module_api.h>

#include <async/bind.h>

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace judging {

/// A test's module: says which build of it, with which `mark` in its configuration, judged a message, and refuses some.
class Judging {
public:
    Judging(callbacks::JsonDict config, modapi::ModuleApi& api)
        : api_(api), by_(text_of(config, "mark") + " of build " + std::to_string(JUDGING_BUILD)), refuses_(text_of(config, "refuses")) {
        if (config.contains("megabytes"))
            ballast_.assign(static_cast<std::size_t>(config.at("megabytes").as_int64()) << 20, '.');
        hangs_in_stop_ = config.contains("hangs_in_stop");
        api.register_spam_checker_callbacks({.check_event_for_spam = async::bind<&Judging::check_event_for_spam>(this)});
        if (config.contains("path")) api.register_web_resource(text_of(config, "path"), std::make_shared<Name>(by_));
    }
    async::task<void> stop() {
        if (hangs_in_stop_) co_await api_.sleep(3600);
    }
    callbacks::JsonDict save() {
        callbacks::JsonDict saved;
        saved["judged"] = judged_;
        return saved;
    }
    void restore(const callbacks::JsonDict& saved) { judged_ = saved.at("judged").as_int64(); }

private:
    class Name final : public modapi::WebResource {
    public:
        explicit Name(std::string by) : by_(std::move(by)) {}
        async::task<modapi::Response> handle(const modapi::Request&) override {
            callbacks::JsonDict answer;
            answer["by"] = by_;
            co_return modapi::json_response(200, callbacks::JsonValue(std::move(answer)));
        }

    private:
        std::string by_;
    };

    static std::string text_of(const callbacks::JsonDict& config, std::string_view key) {
        const callbacks::JsonValue* const value = config.if_contains(key);
        return value != nullptr ? std::string(value->as_string()) : std::string();
    }
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event) {
        const std::optional<std::string_view> body = event.content_string("body");
        if (!body) co_return callbacks::NOT_SPAM;
        co_await api_.sleep(0.002);  // another list may be asked by now
        ++judged_;
        api_.logger().info("judged {} by {} as number {}", *body, by_, judged_);
        if (!refuses_.empty() && body->find(refuses_) != std::string_view::npos) co_return callbacks::Codes::FORBIDDEN;
        co_return callbacks::NOT_SPAM;
    }

    modapi::ModuleApi& api_;
    std::string by_;
    std::string refuses_;
    std::string ballast_;
    std::int64_t judged_ = 0;
    bool hangs_in_stop_ = false;
};

}  // namespace judging

using judging::Judging;
MODAPI_MODULE(Judging)
