#include "process/server_worker.h"

#include "background/background_updates.h"
#include "events/client_event_cache.h"
#include "mail/mailer.h"
#include "push/http_pushers.h"
#include "push/push_gateway.h"
#include "rooms/rooms.h"

#include <callbacks/errors.h>

#include <spdlog/spdlog.h>

namespace homeserver {

ServerWorker::ServerWorker(Shared& shared, const async::environment& where, modapi::InvalidationBus& bus,
                           modapi::WorkerSettings settings)
    : shared_(shared),
      where_(where),
      services_(*this),
      modules_(*this, where, shared.database, bus, shared.blocking_pool, std::move(settings)),
      background_(where,
                  [](std::string_view name, const std::exception_ptr& failure) {
                      spdlog::error("background work failed: name={} error={}", name, callbacks::message_of(failure));
                  }),
      seen_clients_(*this),
      client_events_(std::make_unique<ClientEventCache>()),
      push_gateway_(std::make_unique<PushGateway>(*this)) {
    if (shared.mailer.can_send()) validation_mail_.emplace(shared.configuration);
    shared_.workers.push_back(this);
    if (!modules_.settings().run_background_tasks) return;
    own_background_updates_ = std::make_unique<BackgroundUpdates>(*this);
    shared_.background_updates = own_background_updates_.get();
    http_pushers_ = std::make_unique<HttpPushers>(*this, *push_gateway_);
}

ServerWorker::~ServerWorker() { std::erase(shared_.workers, this); }

const std::string& ServerWorker::server_name() const noexcept { return shared_.configuration.server_name; }
const std::string& ServerWorker::public_baseurl() const noexcept { return shared_.configuration.public_baseurl; }

const std::string& ServerWorker::email_app_name() const noexcept { return shared_.configuration.mail.app_name; }
const std::optional<std::string>& ServerWorker::custom_template_dir() const noexcept {
    return shared_.configuration.custom_template_dir;
}

const std::optional<std::string>& ServerWorker::template_dir() const noexcept { return shared_.configuration.template_dir; }

void ServerWorker::attach_to_notifier() {
    notifier().attach(
        where_.executor,
        [this](const callbacks::Event& event, std::shared_ptr<const callbacks::StateMap> state) {
            if (hooks().third_party_rules.on_new_event.empty()) return;
            background_.spawn("on_new_event", run_on_new_event(*this, event, std::move(state)));
        },
        [this](const std::vector<std::string>& users) {
            waiting_syncs_.wake(users);
            if (http_pushers_) http_pushers_->look(users);
        });
}

void ServerWorker::start_work_of_main() {
    if (own_background_updates_) own_background_updates_->start();
    if (http_pushers_) http_pushers_->start();
}

async::task<void> ServerWorker::stop_work_of_main() {
    if (http_pushers_) co_await http_pushers_->stop();
    if (own_background_updates_) co_await own_background_updates_->stop();
}

}  // namespace homeserver
