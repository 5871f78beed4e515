#include "command.h"
#include "installation.h"
#include "library.h"
#include "server_process.h"
#include "temporary_folder.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>

namespace command {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr const char* password = "correct horse";

/// A server with all it needs in a folder, where everybody may register and do as they like.
constexpr const char* settings = R"(database: {name: sqlite3, args: {database: homeserver.db}}
media_store_path: media
signing_key_path: signing.key
enable_registration: true
enable_registration_without_verification: true
rc_message: &unlimited {per_second: 0}
rc_registration: *unlimited
rc_login: {address: *unlimited, account: *unlimited, failed_attempts: *unlimited}
rc_joins: {local: *unlimited, remote: *unlimited}
rc_invites: {per_room: *unlimited, per_user: *unlimited, per_issuer: *unlimited}
)";

/// Where the file says that modules lie.
std::vector<std::string> module_path_in(const modapi::ConfigurationFile& file) {
    std::vector<std::string> folders;
    const auto add = [&](const modapi::ConfigurationPath& place, const JsonValue& folder) {
        if (folder.is_string())
            folders.push_back(std::filesystem::absolute(file.located(place, std::string(folder.get_string()))).string());
    };
    const JsonValue* const given = file.find({"module_path"});
    if (given == nullptr) return folders;
    add({"module_path"}, *given);
    if (!given->is_array()) return folders;
    for (std::size_t index = 0; index < given->get_array().size(); ++index)
        add({"module_path", std::to_string(index)}, given->get_array()[index]);
    return folders;
}

/// What is written behind the file of the module's author, whose settings it takes the place of.
std::string server_configuration(const std::optional<Library>& library, const std::optional<modapi::ConfigurationFile>& file,
                                 std::uint16_t port) {
    JsonDict listener;
    listener["port"] = port;
    listener["bind_addresses"] = JsonArray{"127.0.0.1"};
    JsonDict settings_of_run;
    settings_of_run["listeners"] = JsonArray{listener};
    JsonArray folders;
    if (library) folders.emplace_back(std::filesystem::absolute(library->file()).parent_path().string());
    if (file) {
        for (const std::string& folder : module_path_in(*file)) folders.emplace_back(folder);
    }
    folders.emplace_back(Installation().modules().string());
    settings_of_run["module_path"] = std::move(folders);
    if (!file || file->find({"server_name"}) == nullptr) settings_of_run["server_name"] = "localhost";
    if (!file && library) {
        JsonArray entries;
        for (const std::string& module : library->modules()) entries.emplace_back(JsonDict({{"module", module}}));
        settings_of_run["modules"] = std::move(entries);
    }
    std::string yaml = settings;
    for (const auto& setting : settings_of_run)
        yaml += std::string(setting.key()) + ": " + boost::json::serialize(setting.value()) + "\n";
    return yaml;
}

/// Registers somebody as a client does, and gives the answer.
asio::awaitable<JsonValue> register_user(asio::ip::tcp::endpoint server, std::string name) {
    JsonDict wanted;
    wanted["username"] = name;
    wanted["password"] = password;
    wanted["auth"] = JsonDict({{"type", "m.login.dummy"}});
    http::request<http::string_body> request(http::verb::post, "/_matrix/client/v3/register", 11);
    request.set(http::field::host, "localhost");
    request.set(http::field::content_type, "application/json");
    request.body() = boost::json::serialize(wanted);
    request.prepare_payload();
    const auto executor = co_await asio::this_coro::executor;
    beast::tcp_stream stream(executor);
    stream.expires_after(std::chrono::seconds(60));
    co_await stream.async_connect(server, asio::use_awaitable);
    co_await http::async_write(stream, request, asio::use_awaitable);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    co_await http::async_read(stream, buffer, response, asio::use_awaitable);
    co_return boost::json::parse(response.body());
}

/// Makes the users and says what to try.
asio::awaitable<void> welcome(asio::ip::tcp::endpoint server) {
    std::string token;
    const std::array<std::string, 2> names{"alice", "bob"};
    for (const std::string& name : names) {
        const JsonValue answer = co_await register_user(server, name);
        const JsonValue* const own_token = answer.is_object() ? answer.get_object().if_contains("access_token") : nullptr;
        if (own_token == nullptr) {
            std::cout << name << " isn't registered: " << boost::json::serialize(answer) << std::endl;
            continue;
        }
        std::cout << answer.at("user_id").as_string().c_str() << ", password \"" << password << "\", token "
                  << own_token->as_string().c_str() << std::endl;
        if (token.empty()) token = own_token->as_string().c_str();
    }
    std::cout << "try: curl -H 'Authorization: Bearer " << token << "' -d '{}' http://" << server
              << "/_matrix/client/v3/createRoom" << std::endl;
}

void add_options_of_run(boost::program_options::options_description& options) {
    add_config_option(options);
    options.add_options()("port", boost::program_options::value<std::uint16_t>()->value_name("N")->default_value(0),
                          "where the server listens; 0: on a port that is free");
}

int run_server(const Arguments& given) {
    if (given.positional.size() > 1) throw Failure("run takes one module library (modapi run --help says more)");
    const std::optional<std::string> config = given.value("config");
    std::optional<modapi::ConfigurationFile> file;
    if (config) file = modapi::ConfigurationFile::load(*config);
    // What a file lists needn't be in a library: it may be in Python.
    std::optional<Library> library;
    if (!given.positional.empty()) {
        library.emplace(given.positional.front());
    } else if (!config) {
        library.emplace(std::nullopt);
    }
    const std::string program = Installation().homeserver().string();

    const TemporaryFolder folder;
    const std::string written = (folder.path() / "homeserver.yaml").string();
    std::ofstream(written) << server_configuration(library, file, given.options["port"].as<std::uint16_t>());
    std::vector<std::string> arguments{program};
    if (config) arguments.insert(arguments.end(), {"--config", *config});
    arguments.insert(arguments.end(), {"--config", written});

    ServerProcess server(arguments);
    return server.wait([&](const std::string& line) {
        const std::string_view begin = "listening on 127.0.0.1:";
        if (!line.starts_with(begin)) return;
        const auto port = static_cast<std::uint16_t>(std::stoi(line.substr(begin.size())));
        const asio::ip::tcp::endpoint address(asio::ip::address_v4::loopback(), port);
        std::cout << "the server is http://" << address << "; Ctrl-C ends it and removes all it stored, in "
                  << folder.path().string() << std::endl;
        asio::co_spawn(server.io(), welcome(address), [](const std::exception_ptr& error) {
            if (error) std::cout << "no users were made: " << callbacks::message_of(error) << std::endl;
        });
    });
}

}  // namespace

const Command run_command{"run", "[MODULE.so] [--config FILE] [--port N]",
                          "starts the reference homeserver with the module, an empty database and two users, for trying",
                          &add_options_of_run, &run_server};

}  // namespace command
