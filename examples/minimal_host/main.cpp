#include "modules.h"

#include <modapi/hosting/background_update_rows.h>
#include <modapi/hosting/cause.h>
#include <modapi/hosting/configuration_reader.h>
#include <modapi/hosting/event_json.h>
#include <modapi/hosting/peer_watch.h>
#include <modapi/hosting/trace_of_request.h>
#include <modapi/hosting/workers.h>

#include <async/use_task.h>

#include <spdlog/sinks/stdout_sinks.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http.hpp>

#include <iostream>

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Request;
using modapi::Response;

std::int64_t greet_everybody(modapi::Transaction& transaction, std::int64_t batch_size) {
    modapi::BackgroundUpdateRows::finish(transaction, "greet_everybody");  // in the transaction of the work
    return batch_size;
}

/// One worker of this host: what it offers to its modules, and its operations. The rest of what a homeserver offers it leaves
/// out, accounts() and rooms() among it; a module that asks for that is told by name what isn't there.
class Server final : public modapi::HostWorker {
public:
    explicit Server(const modapi::WorkerContext& place)
        : HostWorker(place), database_(place.database), workers_(place.workers), updates_(place.database) {}

    const std::string& server_name() const noexcept override { return name_; }
    const std::string& public_baseurl() const noexcept override { return url_; }

    /// Serves a client whose socket is of this worker. Thread: any.
    void serve(tcp::socket socket) {
        boost::asio::post(where().executor, [this, socket = std::move(socket)]() mutable {
            background().spawn("client", serve_client(std::move(socket)));
        });
    }

    // Operations, one for each category of callbacks: ask all modules, then act on their one answer.

    async::task<JsonDict> register_user(JsonDict asked) {
        const std::string user = text(asked, "user");
        co_await hooks().account_validity.on_user_registration(user);
        co_return asked;
    }
    async::task<JsonDict> log_in(JsonDict asked) {
        const std::string user = text(asked, "user");
        const std::string type = text(asked, "type");
        const auto* const checkers = hooks().password_auth_provider.auth_checkers.find_if(
            [&](const callbacks::LoginType& registered) { return registered.type == type; });
        if (checkers == nullptr) throw SynapseError(400, "Unknown login type " + type);
        const std::optional<callbacks::AuthResult> accepted = co_await (*checkers)(user, type, asked);
        if (!accepted) throw SynapseError(403, "Invalid username or password", Codes::FORBIDDEN);
        co_return asked;
    }
    async::task<JsonDict> send(JsonDict asked) {
        callbacks::Event event = modapi::event_from_json(asked);
        const callbacks::StateMap state;
        const callbacks::EventDecision decision = co_await hooks().third_party_rules.check_event_allowed(event, state);
        if (!decision.allowed()) throw SynapseError(403, "This event is not allowed in this context", Codes::FORBIDDEN);
        if (decision.replacement()) event = modapi::event_from_json(*decision.replacement());
        const callbacks::Verdict verdict = co_await hooks().spam_checker.check_event_for_spam(event);
        if (verdict.is_spam()) throw SynapseError(403, "This message was rejected", std::string(verdict.errcode()));
        workers_.on_new_event(event, nullptr);  // once it is stored
        JsonDict sent = event.get_dict();
        sent["unsigned"] = co_await hooks().unsigned_section.add_field_to_unsigned_callback(event);
        co_return sent;
    }
    async::task<JsonDict> set_account_data(JsonDict asked) {
        const std::string user = text(asked, "user");
        const std::string type = text(asked, "type");
        const std::optional<std::string> room;
        co_await hooks().account_data.on_account_data_updated(user, room, type, asked);
        co_return asked;
    }
    async::task<JsonDict> see_presence(JsonDict asked) {
        const std::string user = text(asked, "user");
        const callbacks::InterestedUsers seen = co_await hooks().presence_router.get_interested_users(user);
        asked["sees_everybody"] = seen.is_everyone();
        co_return asked;
    }

private:
    using Operation = async::task<JsonDict> (Server::*)(JsonDict asked);

    /// Background updates are one worker's, and paced by the controller that a module may register.
    void begin() override {
        if (!is_main()) return;
        updater_.emplace("main", updates_, hooks().background_update_controller, modapi::BackgroundUpdateSettings(), where());
        updater_->register_one_shot_update("greet_everybody", async::bind<&Server::greet>(this));
        updater_->start();
    }
    async::task<std::int64_t> greet(const JsonDict&, std::int64_t batch_size) {
        return database_.run("greet_everybody", &greet_everybody, batch_size);
    }
    async::task<void> end() override {
        if (updater_) co_await updater_->stop();
    }

    static std::string text(const JsonDict& asked, std::string_view key) {
        const callbacks::JsonValue* const value = asked.if_contains(key);
        if (value == nullptr || !value->is_string()) throw SynapseError(400, "'" + std::string(key) + "' must be a string");
        return std::string(value->get_string());
    }

    async::task<Response> answer(const Request& request) {
        static const std::map<std::string, Operation, std::less<>> operations = {
            {"/register", &Server::register_user}, {"/login", &Server::log_in},          {"/send", &Server::send},
            {"/data", &Server::set_account_data},  {"/presence", &Server::see_presence},
        };
        const auto operation = operations.find(request.path);
        if (operation != operations.end()) {
            async::task<JsonDict> running = (this->*operation->second)(request.json_object());
            const JsonDict answered = co_await std::move(running);
            co_return modapi::json_response(200, answered);
        }
        std::optional<Response> served = co_await modules().serve(request);
        if (!served) throw SynapseError(404, "Unrecognized request", Codes::UNRECOGNIZED);
        co_return std::move(*served);
    }

    async::task<void> serve_client(tcp::socket socket) {
        boost::beast::flat_buffer received;
        http::request<http::string_body> asked;
        co_await http::async_read(socket, received, asked, async::use_task);
        Request request = Request::of(std::string(asked.method_string()), std::string(asked.target()));
        for (const auto& field : asked) request.headers.emplace_back(field.name_string(), field.value());
        request.body = asked.body();

        // A client that goes away cuts its operation, but no callback that runs.
        const async::context& outer = co_await async::this_context;
        async::cancellation_source gone(outer.cancellation);
        async::context inner = outer;
        inner.end_with(gone);
        const modapi::PeerWatch watch(socket, received, gone);
        // What modules do because of it says so in their log lines and in what they ask elsewhere.
        modapi::Cause cause;
        cause.request = modapi::trace_of_request(request);
        const modapi::CausedWork work(inner, std::move(cause));
        Response response;
        try {
            async::task<Response> answering = answer(request);
            response = co_await std::move(answering).in(work.here());
        } catch (...) {
            inner.throw_if_cancelled();
            response = modapi::error_response(std::current_exception());  // never what() of anything else: that is for the log
        }
        http::response<http::string_body> written(static_cast<http::status>(response.status), asked.version());
        for (const auto& [name, value] : response.headers) written.insert(name, value);
        written.body() = std::move(response.body);
        written.prepare_payload();
        co_await http::async_write(socket, written, async::use_task);
    }

    std::string name_ = "localhost";
    std::string url_ = "http://localhost/";
    modapi::Database& database_;
    modapi::WorkerGroup& workers_;
    modapi::BackgroundUpdateRows updates_;
    std::optional<modapi::BackgroundUpdater> updater_;
};

/// Hands clients to the workers in turn.
void accept_next(tcp::acceptor& acceptor, modapi::Workers<Server>& workers, std::size_t next) {
    Server& server = workers[next % workers.size()];
    acceptor.async_accept(server.where().executor, [&, next](const boost::system::error_code& error, tcp::socket socket) {
        if (error == boost::asio::error::operation_aborted) return;  // the acceptor may be gone
        if (!error) server.serve(std::move(socket));
        accept_next(acceptor, workers, next + 1);
    });
}

tcp::acceptor listen(boost::asio::io_context& front, const modapi::ConfigurationFile& file) {
    const int port = modapi::ConfigSection(file.root()).value_or<int>("port", 0);
    try {
        return {front, tcp::endpoint(boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port))};
    } catch (const boost::system::system_error& error) {
        file.fail({"port"}, "can't listen on port " + std::to_string(port) + ": " + error.code().message());
    }
}

void serve(modapi::Workers<Server>& workers, const modapi::ConfigurationFile& file) {
    JsonDict administrator;
    administrator["user"] = "@admin:localhost";
    workers.call(0, &Server::register_user, administrator);  // before anybody is let in

    tcp::acceptor acceptor = listen(workers.front(), file);
    accept_next(acceptor, workers, 0);
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    workers.serve([&] { acceptor.close(); });
}

void create_tables(modapi::Transaction& transaction, void*) {
    modapi::BackgroundUpdateRows::create(transaction);
    modapi::BackgroundUpdateRows::queue(transaction, "greet_everybody");
}

void run(const char* configuration) {
    const modapi::ConfigurationFile file = modapi::ConfigurationFile::load(configuration);
    const auto warn = [](const std::string& line) { std::cerr << line << '\n'; };
    const modapi::ConfigurationReader reader(file, warn);
    modapi::ModuleResolver resolver(reader.module_path("."));
    resolver.add<Doorkeeper>("minimal_host.Doorkeeper");
    resolver.add<Chronicler>("minimal_host.Chronicler");
    const std::vector<modapi::ConfiguredModule> modules = modapi::configure_modules(file, resolver, warn);
    const std::unique_ptr<modapi::Database> database = modapi::Database::open(reader.database());
    database->run_blocking("create_tables", &create_tables, nullptr);

    modapi::WorkerGroupSettings settings;
    settings.count = 2;
    settings.each = reader.worker_settings();
    settings.log = spdlog::stderr_logger_mt("minimal_host");
    modapi::Workers<Server> workers(settings, *database, modules);
    workers.run([&] { serve(workers, file); });
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: minimal_host FILE\n";
        return 1;
    }
    try {
        run(arguments[1]);
        return 0;
    } catch (const std::exception& error) {  // HostError and ConfigurationError: the line for the operator
        std::cerr << error.what() << '\n';
        return 1;
    }
}
