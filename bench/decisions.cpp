#include "scenario.h"

#include <modapi/database.h>
#include <modapi/hosting/cause.h>
#include <modapi/hosting/decisions.h>
#include <modapi/hosting/homeserver.h>
#include <modapi/hosting/invalidation_bus.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/module_host.h>
#include <modapi/hosting/module_resolver.h>
#include <modapi/hosting/request_trace.h>
#include <modapi/module_api.h>

#include <async/sync_wait.h>

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

/// What a module's denial costs: the line of the log that it has anyway, and the decision that is noted beside it.
namespace bench {

namespace {

class Denying {
public:
    Denying(const callbacks::JsonDict&, modapi::ModuleApi& api) {
        callbacks::SpamChecker spam;
        spam.check_event_for_spam = async::bind<&Denying::check>(this);
        api.register_spam_checker_callbacks(spam);
    }
    callbacks::Verdict check(const callbacks::Event&) { return callbacks::Codes::FORBIDDEN; }
};

class NamedHost final : public modapi::Homeserver {
public:
    [[nodiscard]] const std::string& server_name() const noexcept override { return name_; }
    [[nodiscard]] const std::string& public_baseurl() const noexcept override { return name_; }

private:
    std::string name_ = "example.com";
};

/// A worker with a module that denies every message.
class Denials {
public:
    explicit Denials(bool are_noted) {
        modapi::set_log(std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::null_sink_st>()));
        modapi::DatabaseSettings in_memory;
        in_memory.database = ":memory:";
        database_ = modapi::Database::open(in_memory);
        modapi::WorkerSettings settings;
        if (are_noted) settings.decisions = &decisions_;
        modules_.emplace(host_, where_, *database_, bus_, threads_, settings);
        modapi::ModuleResolver resolver({});
        resolver.add<Denying>("denying.Denying");
        const auto file = modapi::ConfigurationFile::parse("modules:\n  - module: denying.Denying\n    config: {}\n", "bench.yaml");
        modules_->construct_modules(modapi::configure_modules(file, resolver, [](const std::string&) {}));
        async::sync_wait(io_, where_, modules_->start_modules());
        callbacks::EventFields fields;
        fields.event_id = "$143273582443PhrSn:example.com";
        fields.room_id = "!636q39766251:example.com";
        fields.type = "m.room.message";
        fields.sender = "@example:example.com";
        fields.content["body"] = "hello";
        event_.emplace(std::move(fields));
    }
    ~Denials() { async::sync_wait(io_, where_, modules_->stop()); }

    void run(std::size_t count) { async::sync_wait(io_, where_, deny(*this, count)); }

private:
    static async::task<void> deny(Denials& self, std::size_t count) {
        const async::context& outer = co_await async::this_context;
        modapi::Cause cause;
        cause.request = self.trace_;
        const modapi::CausedWork request(outer, std::move(cause));
        for (std::size_t turn = 0; turn < count; ++turn) {
            async::task<callbacks::Verdict> asked = self.modules_->hooks().spam_checker.check_event_for_spam(*self.event_);
            const callbacks::Verdict verdict = co_await std::move(asked).in(request.here());
            if (!verdict.is_spam()) std::abort();
        }
    }

    boost::asio::io_context io_{1};
    async::environment where_{io_.get_executor()};
    NamedHost host_;
    std::unique_ptr<modapi::Database> database_;
    modapi::InProcessInvalidationBus bus_;
    modapi::BlockingThreads threads_{1};
    modapi::Decisions decisions_{modapi::DecisionSettings::usually_in_memory, "bench"};
    std::shared_ptr<const modapi::RequestTrace> trace_ = std::make_shared<const modapi::RequestTrace>("192.0.2.1", "", "");
    std::optional<callbacks::Event> event_;
    std::optional<modapi::ModuleHost> modules_;
};

}  // namespace

void add_decision_scenarios(std::vector<Scenario>& into) {
    for (const bool are_noted : {false, true}) {
        into.push_back({are_noted ? "decision/noted" : "decision/logged", [are_noted] {
                            return [denials = std::make_shared<Denials>(are_noted)](std::size_t count) { denials->run(count); };
                        }});
    }
}

}  // namespace bench
