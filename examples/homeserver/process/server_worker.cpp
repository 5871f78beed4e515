#include "process/server_worker.h"

#include "access/authentication.h"
#include "access/seen_clients.h"
#include "account_changes/deactivation.h"
#include "account_changes/new_user.h"
#include "account_changes/third_party_id_changes.h"
#include "account_data/account_data.h"
#include "accounts/shared_turns.h"
#include "addresses/validation_mail.h"
#include "background/background_updates.h"
#include "events/client_event.h"
#include "events/notifier.h"
#include "events/signing_key.h"
#include "federation/authorised_join.h"
#include "federation/incoming_event.h"
#include "federation/x_matrix.h"
#include "http/health.h"
#include "mail/mailer.h"
#include "media/uploads.h"
#include "module_services/module_accounts.h"
#include "module_services/module_internals.h"
#include "module_services/module_mail.h"
#include "module_services/module_presence.h"
#include "module_services/module_push.h"
#include "module_services/module_rooms.h"
#include "module_services/module_sessions.h"
#include "presence/presence.h"
#include "presence/presence_interests.h"
#include "profiles/profile.h"
#include "push/http_pushers.h"
#include "push/push_gateway.h"
#include "rate_limits/rate_limits.h"
#include "rate_limits/rate_overrides.h"
#include "rooms/create_room.h"
#include "rooms/event_sender.h"
#include "rooms/membership.h"
#include "rooms/shutdown.h"
#include "rooms/third_party_invites.h"
#include "sessions/devices.h"
#include "sessions/login_authentication.h"
#include "sessions/ui_authentication.h"
#include "text/server_name.h"

#include <boost/asio/post.hpp>

#include <filesystem>
#include <utility>
#include <vector>

namespace homeserver {

namespace {

/// Where templates of mails are looked for: the operator's before the server's.
std::vector<std::filesystem::path> template_folders(const ServerConfiguration& configuration) {
    std::vector<std::filesystem::path> folders;
    if (configuration.custom_template_dir) folders.emplace_back(*configuration.custom_template_dir);
    if (configuration.template_dir) folders.emplace_back(*configuration.template_dir);
    return folders;
}

std::optional<ValidationMail> validation_mail_of(const ProcessContext& process) {
    const ServerConfiguration& configuration = process.configuration;
    if (!process.mailer.can_send()) return std::nullopt;
    return ValidationMail(configuration.server_name, configuration.mail.app_name, template_folders(configuration));
}

}  // namespace

/// What a worker serves its clients, other servers and its modules by. Each is made of those above it.
struct ServerWorker::Parts {
    Parts(ProcessContext& process, const modapi::WorkerContext& place, modapi::ModuleHost& modules, async::scope& background)
        : Parts(process, place, *place.where.clock, modules, background) {}
    Parts(ProcessContext& process, const modapi::WorkerContext& place, const async::clock& clock, modapi::ModuleHost& modules,
          async::scope& background)
        : seen_clients(process.database, clock, background),
          token_owners(process.database, place.bus, place.where.executor),
          authentication(token_owners, modules.hooks().account_validity, seen_clients),
          server_authentication(process.server_name, process.configuration.federation_verify_keys, process.host_pool),
          event_writer{response_memories, modules.hooks().unsigned_section, clock},
          validation_mail(validation_mail_of(process)),
          push_gateway(process.database, modules.settings().http_client),
          shared_turns(process.database, clock, process.turns, background),
          room_turns(shared_turns),
          rate_overrides(process.database, place.bus, place.where.executor),
          rate_limits(process.rate_limiters, rate_overrides, modules.hooks().ratelimit, process.database),
          event_sender(process.database, clock, process.server_name, process.signing_key, modules.hooks().spam_checker,
                       modules.hooks().third_party_rules, process.notifier, room_turns),
          memberships(process.database, process.server_name, rate_limits, modules.hooks().spam_checker, event_sender,
                      process.notifier),
          third_party_invites(process.database, process.server_name, process.configuration.public_baseurl, process.signing_key,
                              rate_limits, modules.hooks().spam_checker, modules.hooks().third_party_rules, event_sender,
                              memberships),
          room_creation(process.database, process.server_name, rate_limits, modules.hooks().spam_checker,
                        modules.hooks().third_party_rules, event_sender, memberships, third_party_invites),
          room_shutdown(process.database, process.server_name, modules.hooks().third_party_rules, process.notifier, memberships,
                        shared_turns),
          account_data(process.database, modules.hooks().account_data, process.notifier),
          presence(process.database, clock, process.server_name, modules.hooks().presence_router, process.notifier,
                   process.presence_interests),
          sessions(process.database, clock, modules.hooks().password_auth_provider, process.notifier),
          login_authentication(process.database, process.server_name, process.host_pool, rate_limits,
                               modules.hooks().password_auth_provider),
          ui_authentication(process.database, clock, process.host_pool, modules.hooks().password_auth_provider, process.mailer,
                            login_authentication, process.turns),
          profiles(process.database, process.server_name, modules.hooks().third_party_rules, memberships),
          user_creation(process.database, clock, process.server_name, modules.hooks().account_validity,
                        modules.hooks().spam_checker),
          third_party_id_changes(process.database, clock, modules.hooks().third_party_rules, third_party_invites),
          deactivation(process.database, modules.hooks().third_party_rules, memberships, presence, sessions, profiles,
                       third_party_id_changes),
          incoming_events(process.database, clock, modules.hooks().spam_checker, modules.hooks().third_party_rules,
                          event_sender, room_turns, shared_turns),
          authorised_joins(process.database, process.server_name, process.signing_key,
                           process.configuration.federation_verify_keys),
          uploads(process.database, clock, process.configuration.media, process.host_pool, modules.hooks().spam_checker,
                  modules.hooks().media_repository),
          module_accounts(process.database, process.server_name, account_data, profiles, user_creation, third_party_id_changes,
                          deactivation),
          module_sessions(authentication, process.database, clock, process.server_name, process.configuration.sso,
                          modules.hooks().account_validity, sessions),
          module_rooms(process.database, process.server_name, background, event_sender, memberships, room_creation,
                       room_shutdown),
          module_presence(process.server_name, presence),
          module_mail(process.mailer),
          module_push(process.database, process.notifier, push_gateway),
          module_internals(process.database, profiles, third_party_id_changes) {}

    SeenClients seen_clients;
    TokenOwners token_owners;
    Authentication authentication;
    ServerAuthentication server_authentication;
    ResponseMemories response_memories;
    ClientEventWriter event_writer;
    std::optional<ValidationMail> validation_mail;  ///< only where mail can be sent
    PushGateway push_gateway;
    SharedTurns shared_turns;
    RoomTurns room_turns;
    RateOverrides rate_overrides;
    RateLimits rate_limits;
    EventSender event_sender;
    Memberships memberships;
    ThirdPartyInvites third_party_invites;
    RoomCreation room_creation;
    RoomShutdown room_shutdown;
    AccountData account_data;
    Presence presence;
    Sessions sessions;
    LoginAuthentication login_authentication;
    UiAuthentication ui_authentication;
    Profiles profiles;
    UserCreation user_creation;
    ThirdPartyIdChanges third_party_id_changes;
    Deactivation deactivation;
    IncomingEvents incoming_events;
    AuthorisedJoins authorised_joins;
    Uploads uploads;
    ModuleAccounts module_accounts;
    ModuleSessions module_sessions;
    ModuleRooms module_rooms;
    ModulePresence module_presence;
    ModuleMail module_mail;
    ModulePush module_push;
    ModuleInternals module_internals;
};

ServerWorker::ServerWorker(ProcessContext& process, const modapi::WorkerContext& place)
    : HostWorker(place),
      process_(process),
      waiting_syncs_(process.notifier.audience()),
      parts_(std::make_unique<Parts>(process, place, modules(), background())) {
    if (place.index == 0) {
        own_background_updates_ = std::make_unique<BackgroundUpdates>(
            where(), process.database, hooks().background_update_controller, process.configuration.background_updates);
        process_.background_updates = own_background_updates_.get();
    }
    offer_services(place.workers);
    endpoints_.emplace(process.router, services_);
    connections_.emplace(where(), *endpoints_, &modules(), process.traffic.of(name(), process.router));
}

ServerWorker::~ServerWorker() = default;

void ServerWorker::offer_services(modapi::WorkerGroup& workers) {
    const async::clock& clock = *where().clock;
    const ServerConfiguration& configuration = process_.configuration;
    services_.offer(process_.database);
    services_.offer(clock);
    services_.offer(process_.server_name);
    services_.offer(configuration.public_baseurl);
    services_.offer(configuration.registration);
    services_.offer(configuration.login_via_existing_session);
    services_.offer(configuration.user_directory);
    services_.offer(configuration.media);
    services_.offer(configuration.federation_verify_keys);
    services_.offer(process_.signing_key);
    services_.offer(process_.host_pool);
    services_.offer(hooks().account_validity);
    services_.offer(hooks().media_repository);
    services_.offer(hooks().password_auth_provider);
    services_.offer(hooks().presence_router);
    services_.offer(hooks().spam_checker);
    services_.offer(hooks().third_party_rules);
    services_.offer(process_.notifier);
    services_.offer(parts_->shared_turns);
    services_.offer(process_.mailer);
    services_.offer(*process_.background_updates);
    services_.offer(workers);
    services_.offer(std::as_const(process_.traffic));
    services_.offer(process_.inspector_page);
    services_.offer(process_.health);
    services_.offer(waiting_syncs_);
    services_.offer(std::as_const(parts_->validation_mail));
    services_.offer(parts_->authentication);
    services_.offer(parts_->server_authentication);
    services_.offer(parts_->rate_overrides);
    services_.offer(parts_->rate_limits);
    services_.offer(parts_->event_writer);
    services_.offer(parts_->event_sender);
    services_.offer(parts_->memberships);
    services_.offer(parts_->third_party_invites);
    services_.offer(parts_->room_creation);
    services_.offer(parts_->room_shutdown);
    services_.offer(parts_->account_data);
    services_.offer(parts_->presence);
    services_.offer(parts_->sessions);
    services_.offer(parts_->login_authentication);
    services_.offer(parts_->ui_authentication);
    services_.offer(parts_->profiles);
    services_.offer(parts_->user_creation);
    services_.offer(parts_->third_party_id_changes);
    services_.offer(parts_->deactivation);
    services_.offer(parts_->incoming_events);
    services_.offer(parts_->authorised_joins);
    services_.offer(parts_->uploads);
}

const std::string& ServerWorker::server_name() const noexcept { return process_.configuration.server_name; }
const std::string& ServerWorker::public_baseurl() const noexcept { return process_.configuration.public_baseurl.url; }

const std::string& ServerWorker::email_app_name() const noexcept { return process_.configuration.mail.app_name; }
const std::optional<std::string>& ServerWorker::custom_template_dir() const noexcept {
    return process_.configuration.custom_template_dir;
}

const std::optional<std::string>& ServerWorker::template_dir() const noexcept { return process_.configuration.template_dir; }

modapi::AccountServices& ServerWorker::accounts() noexcept { return parts_->module_accounts; }
modapi::SessionServices& ServerWorker::sessions() noexcept { return parts_->module_sessions; }
modapi::RoomServices& ServerWorker::rooms() noexcept { return parts_->module_rooms; }
modapi::PresenceServices& ServerWorker::presence() noexcept { return parts_->module_presence; }
modapi::MailServices& ServerWorker::mail() noexcept { return parts_->module_mail; }
modapi::PushServices& ServerWorker::push() noexcept { return parts_->module_push; }
modapi::InternalServices& ServerWorker::internals() noexcept { return parts_->module_internals; }

void ServerWorker::serve(boost::asio::ip::tcp::socket socket, bool x_forwarded) {
    boost::asio::post(where().executor, [this, socket = std::move(socket), x_forwarded]() mutable {
        connections_->add(std::move(socket), x_forwarded);
    });
}

void ServerWorker::hear(const News& news) {
    if (news.event) run_on_new_event(news.event);
    if (news.is_for_everybody) {
        waiting_syncs_.wake_everybody(news.position);
        if (http_pushers_) http_pushers_->start();
    } else {
        waiting_syncs_.wake(news.users, news.position);
        if (news.members) waiting_syncs_.wake(*news.members, news.position);
        if (http_pushers_) http_pushers_->look(news.users, news.members);
    }
}

void ServerWorker::set_reads_events(bool reads) {
    if (reads == reads_events_) return;
    reads_events_ = reads;
    if (reads) {
        process_.notifier.audience().add_event_readers();
    } else {
        process_.notifier.audience().remove_event_readers();
    }
}

void ServerWorker::modules_changed() noexcept { set_reads_events(!hooks().third_party_rules.on_new_event.empty()); }

void ServerWorker::begin() {
    attached_ = process_.notifier.attach(where().executor, [this](const News& news) { hear(news); });
    modules_changed();
    boost::asio::post(where().executor, [this] { background_tasks_changed(); });
}

async::task<void> ServerWorker::drain() {
    connections_->finish();
    waiting_syncs_.wake_all();
    is_draining_ = true;
    co_await stop_background_work();
    co_await connections_->join();
}

void ServerWorker::cut() noexcept { connections_->cancel(); }

async::task<void> ServerWorker::end() {
    if (attached_) {
        process_.notifier.detach(*std::exchange(attached_, std::nullopt));
        set_reads_events(false);
    }
    is_draining_ = true;
    co_await stop_background_work();
}

void ServerWorker::background_tasks_changed() {
    if (!own_background_updates_ || std::exchange(follows_term_, true)) return;
    background().spawn("background tasks", follow_term(*this));
}

async::task<void> ServerWorker::follow_term(ServerWorker& self) {
    while (!self.is_draining_ && self.term_of_work_ != self.modules().background_term().number) {
        co_await self.stop_background_work();
        if (!self.is_draining_) self.start_background_work();
    }
    self.follows_term_ = false;
}

void ServerWorker::start_background_work() {
    const modapi::BackgroundTerm& term = modules().background_term();
    term_of_work_ = term.number;
    if (term.number == 0) return;
    own_background_updates_->start(term.lease);
    http_pushers_ = std::make_shared<HttpPushers>(where(), process_.database, hooks().account_validity, parts_->push_gateway, term.lease);
    process_.notifier.audience().add_pushers();
    http_pushers_->start();
}

async::task<void> ServerWorker::stop_background_work() {
    term_of_work_ = 0;
    if (http_pushers_) {
        process_.notifier.audience().remove_pushers();
        const std::shared_ptr<HttpPushers> pushers = std::exchange(http_pushers_, nullptr);
        co_await pushers->stop();
    }
    if (own_background_updates_) co_await own_background_updates_->stop();
}

}  // namespace homeserver
