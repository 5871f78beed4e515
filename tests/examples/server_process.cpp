#include "server_process.h"

#include "text/utf8.h"

#include "postgresql/test_database.h"

#include <gtest/gtest.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace homeserver_test {

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds(5);

std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Starts the program with stdout and stderr in files of `folder`.
pid_t start(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {HOMESERVER_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const std::string output = folder / "stdout";
    const std::string errors = folder / "stderr";
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, errors.c_str(), flags, 0600);
    pid_t process = -1;
    // What the test listens at stays the test's own: who inherited it would keep it open.
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    const int failed = posix_spawn(&process, HOMESERVER_PROGRAM, &files, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed != 0) throw std::runtime_error(std::string("can't start ") + HOMESERVER_PROGRAM);
    return process;
}

/// The configuration's section; none for SQLite, which is the default.
std::string database_section(const std::filesystem::path& folder) {
    if (!postgresql_test::is_chosen()) return {};
    static_cast<void>(database_in(folder));  // makes it
    return "database: {name: psycopg2, args: {host: " + postgresql_test::host() + ", user: " + folder.filename().string() +
           ", dbname: " + postgresql_test::database + "}}\n";
}

/// Most tests do in a second what takes a person an hour.
std::string without_rate_limits(const std::string& settings) {
    const std::pair<const char*, const char*> limits[] = {
        {"rc_message", "{per_second: 0}"},
        {"rc_registration", "{per_second: 0}"},
        {"rc_login", "{address: {per_second: 0}, account: {per_second: 0}, failed_attempts: {per_second: 0}}"},
        {"rc_joins", "{local: {per_second: 0}, remote: {per_second: 0}}"},
        {"rc_invites", "{per_room: {per_second: 0}, per_user: {per_second: 0}, per_issuer: {per_second: 0}}"}};
    std::string lines;
    for (const auto& [key, unlimited] : limits) {
        const std::string begin = std::string(key) + ":";
        if (settings.find(begin) == std::string::npos) lines += begin + " " + unlimited + "\n";
    }
    return lines;
}

/// The exit status, 128 and the signal's number; none while it runs.
std::optional<int> status_of(pid_t process) {
    int status = 0;
    if (waitpid(process, &status, WNOHANG) != process) return std::nullopt;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

template <class Condition>
bool becomes_true(Condition&& condition, std::chrono::seconds limit) {
    const steady_clock::time_point until = steady_clock::now() + limit;
    while (!condition()) {
        if (steady_clock::now() > until) return false;
        std::this_thread::sleep_for(poll_interval);
    }
    return true;
}

/// Waits for the end of a program that ends by itself.
FinishedRun finished(const std::filesystem::path& folder, pid_t process) {
    FinishedRun run;
    const auto has_ended = [&] {
        const std::optional<int> status = status_of(process);
        run.status = status.value_or(0);
        return status.has_value();
    };
    if (!becomes_true(has_ended, std::chrono::seconds(30))) {
        ::kill(process, SIGKILL);
        ADD_FAILURE() << "the program doesn't end";
        int status = 0;
        waitpid(process, &status, 0);
    }
    run.output = content_of(folder / "stdout");
    run.errors = content_of(folder / "stderr");
    return run;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "homeserver_test_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("can't make a folder");
    path_ = name;
}
TemporaryFolder::~TemporaryFolder() {
    if (postgresql_test::is_chosen()) postgresql_test::drop(path_.filename());
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Answer::header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
        if (homeserver::equal_ignoring_case(key, name)) return value;
    }
    return {};
}

std::string Answer::text(const std::string& key) const {
    const boost::json::value* const value = body.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

RawConnection::RawConnection(unsigned short port) : socket_(io_) {
    socket_.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
}

void RawConnection::send(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have closed already: what it answered is what counts
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
}

void RawConnection::close() { socket_.close(); }

void RawConnection::finish_sending() { socket_.shutdown(tcp::socket::shutdown_send); }

void RawConnection::reset() {
    socket_.set_option(boost::asio::socket_base::linger(true, 0));
    socket_.close();
}

bool RawConnection::read_more(std::string& into, steady_clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now());
    pollfd waited{socket_.native_handle(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waited, 1, static_cast<int>(left.count())) <= 0)
        throw std::runtime_error("the server says nothing");
    char part[4096];
    boost::system::error_code error;
    const std::size_t size = socket_.read_some(boost::asio::buffer(part), error);
    into.append(part, size);
    return !error;
}

std::string RawConnection::read_to_end(std::chrono::seconds limit) {
    std::string received;
    const steady_clock::time_point until = steady_clock::now() + limit;
    while (read_more(received, until)) {
    }
    return received;
}

std::string RawConnection::read_until(const std::string& mark, std::chrono::seconds limit) {
    std::string received;
    const steady_clock::time_point until = steady_clock::now() + limit;
    while (received.find(mark) == std::string::npos) {
        if (!read_more(received, until)) throw std::runtime_error("the server closed after: " + received);
    }
    return received;
}

modapi::DatabaseSettings database_in(const std::filesystem::path& folder) {
    modapi::DatabaseSettings settings;
    if (postgresql_test::is_chosen()) {
        settings.name = "psycopg2";
        settings.postgresql_connection = postgresql_test::make(folder.filename());
    } else {
        settings.database = (folder / "homeserver.db").string();
    }
    return settings;
}

ServerProcess::ServerProcess(const std::filesystem::path& folder, const std::string& settings, const SharedDatabase& database,
                             const std::string& later)
    : folder_(folder), database_folder_(database.folder) {
    configure(settings);
    std::vector<std::string> arguments = {"--config", (folder / "homeserver.yaml").string()};
    if (!later.empty()) {
        configure_later(later);
        arguments.insert(arguments.end(), {"--config", (folder / "later.yaml").string()});
    }
    process_ = start(folder, arguments);
    std::optional<int> ended;
    const auto is_listening_or_gone = [&] {
        const std::string output = content_of(folder_ / "stdout");
        const std::size_t end = output.find('\n');
        if (end == std::string::npos) {
            ended = status_of(process_);
            return ended.has_value();
        }
        port_ = static_cast<unsigned short>(std::stoi(output.substr(output.rfind(':', end) + 1)));
        return true;
    };
    const bool is_known = becomes_true(is_listening_or_gone, std::chrono::seconds(30));
    if (ended) {
        process_ = -1;
        throw std::runtime_error("the server ended at its start with status " + std::to_string(*ended) + ": " + log());
    }
    if (!is_known) {
        kill();
        throw std::runtime_error("the server doesn't listen: " + log());
    }
}

ServerProcess::~ServerProcess() { kill(); }

void ServerProcess::configure(const std::string& settings) const {
    std::ofstream(folder_ / "homeserver.yaml")
        << "server_name: hs.test\nlisteners: [{port: 0}]\n"
        << database_section(database_folder_) << without_rate_limits(settings) << settings;
}

void ServerProcess::configure_later(const std::string& later) const { std::ofstream(folder_ / "later.yaml") << later; }

Answer ServerProcess::request(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& token) const {
    return request_by(token.empty() ? token : "Bearer " + token, method, target, body);
}

Answer ServerProcess::request_by(const std::string& authorization, const std::string& method, const std::string& target,
                                 const std::string& body) const {
    boost::asio::io_context io;
    tcp::socket socket(io);
    socket.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), port_));
    http::request<http::string_body> request;
    request.method_string(method);
    request.target(target);
    request.version(11);
    request.set(http::field::host, "hs.test");
    request.keep_alive(false);
    if (!authorization.empty()) request.set(http::field::authorization, authorization);
    request.body() = body;
    request.prepare_payload();
    http::write(socket, request);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.skip(method == "HEAD");
    http::read(socket, buffer, parser);
    Answer answer;
    answer.status = parser.get().result_int();
    for (const auto& field : parser.get()) answer.headers.emplace_back(field.name_string(), field.value());
    boost::system::error_code error;
    boost::json::value parsed = boost::json::parse(parser.get().body(), error);
    if (!error && parsed.is_object()) answer.body = std::move(parsed.get_object());
    return answer;
}

std::string ServerProcess::register_user(const std::string& name) const {
    const Answer answer =
        request("POST", "/_matrix/client/v3/register",
                R"({"username":")" + name + R"(","password":"secret of )" + name + R"(","auth":{"type":"m.login.dummy"}})");
    if (answer.status != 200) throw std::runtime_error("can't register " + name + ": " + answer.text("error"));
    return answer.text("access_token");
}

void ServerProcess::kill() {
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
}

void ServerProcess::signal(int number) const { ::kill(process_, number); }

int ServerProcess::wait(std::chrono::seconds limit) {
    std::optional<int> status;
    const auto has_ended = [&] {
        status = status_of(process_);
        return status.has_value();
    };
    if (!becomes_true(has_ended, limit)) {
        ADD_FAILURE() << "the server doesn't end: " << log();
        return -1;
    }
    process_ = -1;
    return *status;
}

std::string ServerProcess::log() const { return content_of(folder_ / "stderr"); }

bool ServerProcess::log_shows(const std::string& text, std::chrono::seconds limit) const {
    return becomes_true([&] { return log().find(text) != std::string::npos; }, limit);
}

FinishedRun run_program(const std::filesystem::path& folder, const std::vector<std::string>& arguments) {
    return finished(folder, start(folder, arguments));
}

FinishedRun run_program_until(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                              const std::string& text, int signal) {
    const pid_t process = start(folder, arguments);
    const auto is_said = [&] { return content_of(folder / "stderr").find(text) != std::string::npos; };
    EXPECT_TRUE(becomes_true(is_said, std::chrono::seconds(20)));
    ::kill(process, signal);
    return finished(folder, process);
}

}  // namespace homeserver_test
