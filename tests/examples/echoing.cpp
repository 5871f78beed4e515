#include <modapi/module.h>
#include <modapi/module_api.h>

#include <callbacks/spam_checker.h>
#include <callbacks/third_party_rules.h>

#include <async/bind.h>

#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace echoing {

/// A test's module: answers "echo" with events that say it again, on every worker, as long as it may; holds its worker's thread
/// for what says "block", before it is sent, or "block later", when it was, until somebody says "let go"; the database's for what
/// says "block the database"; and waits for ever for what says "wait". With `processes` it begins with two background processes, of
/// which one fails.
class Echoing {
public:
    Echoing(const callbacks::JsonDict& config, modapi::ModuleApi& api) : api_(api) {
        if (const callbacks::JsonValue* const replies = config.if_contains("replies")) replies_ = replies->to_number<int>();
        if (config.contains("processes")) {
            static_cast<void>(api.run_as_background_process("echo", &echo));
            static_cast<void>(api.run_as_background_process("echo", &fail));
        }
        callbacks::SpamChecker spam_checker;
        spam_checker.check_event_for_spam = async::bind<&Echoing::check_event_for_spam>(this);
        api.register_spam_checker_callbacks(std::move(spam_checker));
        callbacks::ThirdPartyRules rules;
        rules.on_new_event = async::bind<&Echoing::on_new_event>(this);
        api.register_third_party_rules_callbacks(std::move(rules));
        api.register_web_resource("/_synapse/client/echoing", std::make_shared<Counts>());
    }

private:
    /// What became of it on all workers.
    class Counts final : public modapi::WebResource {
    public:
        async::task<modapi::Response> handle(const modapi::Request& request) override {
            if (request.argument("let_go")) is_let_go = true;
            callbacks::JsonDict counts;
            counts["sent"] = sent.load();
            counts["told"] = told.load();
            counts["failed"] = failed.load();
            counts["begun"] = begun.load();
            co_return modapi::json_response(200, counts);
        }
    };

    static void echo() {}
    static void fail() { throw std::runtime_error("nobody says anything"); }
    static std::string body_of(const callbacks::Event& event) {
        const callbacks::JsonValue* const body = event.content().if_contains("body");
        return body != nullptr && body->is_string() ? std::string(body->get_string()) : std::string();
    }
    static void block() {
        ++begun;
        while (!is_let_go) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    /// Who asks a worker over HTTP whether it blocks waits with it: the log says so.
    void block_thread() {
        api_.logger().warn("blocks its thread");
        block();
    }
    static void hold(modapi::Transaction&) { block(); }
    static void count_for_ever(modapi::Transaction& transaction) {
        static_cast<void>(transaction.query<std::int64_t>(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number > 0) "
            "SELECT count(*) FROM numbers WHERE number < 0"));
    }
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event) {
        const std::string body = body_of(event);
        if (body == "let go") is_let_go = true;
        if (body == "block") block_thread();
        if (body == "wait") co_await api_.sleep(3600);
        if (body == "block the database") co_await api_.run_db_interaction("hold", &Echoing::hold);
        if (body == "query without end") co_await api_.run_db_interaction("count", &Echoing::count_for_ever);
        co_return callbacks::NOT_SPAM;
    }
    async::task<void> on_new_event(const callbacks::Event& event, const callbacks::StateMap&) {
        const std::string body = body_of(event);
        if (body == "block later") block_thread();
        if (body != "echo") co_return;
        std::exception_ptr failure;
        try {
            for (int reply = 0; reply < replies_; ++reply) {
                callbacks::JsonDict again;
                again["type"] = event.type();
                again["room_id"] = event.room_id();
                again["sender"] = event.sender();
                again["content"] = event.content();
                async::task<callbacks::Event> sending = api_.create_and_send_event_into_room(std::move(again));
                const callbacks::Event answered = co_await std::move(sending);
                ++sent;
            }
        } catch (const std::runtime_error&) {
            failure = std::current_exception();
            ++failed;
        }
        ++told;
        if (failure) std::rethrow_exception(failure);
    }

    static inline std::atomic<bool> is_let_go = false;
    static inline std::atomic<int> sent = 0;
    static inline std::atomic<int> told = 0;
    static inline std::atomic<int> failed = 0;
    static inline std::atomic<int> begun = 0;

    modapi::ModuleApi& api_;
    int replies_ = 1;
};

}  // namespace echoing

using echoing::Echoing;
MODAPI_MODULE(Echoing)
