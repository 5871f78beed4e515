#include "redis_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <istream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace {

constexpr const char* redis_program = "/usr/bin/redis-server";
using boost::asio::ip::tcp;

tcp::endpoint on_loopback(std::uint16_t port) { return {boost::asio::ip::address_v4::loopback(), port}; }

}  // namespace

std::uint16_t free_port() {
    boost::asio::io_context io;
    return tcp::acceptor(io, on_loopback(0)).local_endpoint().port();
}

RedisServer::RedisServer(std::vector<std::string> settings) : settings_(std::move(settings)), port_(free_port()) { start(); }

RedisServer::~RedisServer() { kill(); }

bool RedisServer::is_installed() { return access(redis_program, X_OK) == 0; }

void RedisServer::start() {
    std::vector<std::string> arguments = {redis_program,  "--bind", "127.0.0.1", "--unixsocket", socket(),     "--save", "",
                                          "--appendonly", "no",     "--dir",     folder_.path(), "--loglevel", "warning"};
    // Given twice, the last one counts.
    arguments.insert(arguments.end(), {"--port", std::to_string(port_)});
    arguments.insert(arguments.end(), settings_.begin(), settings_.end());
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    std::filesystem::remove(socket());
    const pid_t caller = getpid();
    process_ = fork();
    if (process_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != caller) _exit(1);
        const int nowhere = open("/dev/null", O_RDWR);
        for (const int stream : {0, 1, 2}) dup2(nowhere, stream);
        execv(redis_program, pointers.data());
        _exit(1);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (true) {
        try {
            run({"PING"});
            return;
        } catch (const boost::system::system_error&) {
            if (std::chrono::steady_clock::now() > until) throw std::runtime_error("redis-server doesn't start");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
}

std::string RedisServer::run(std::initializer_list<std::string_view> words) const {
    std::string command = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string_view word : words) {
        command.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
    }
    boost::asio::io_context io;
    boost::asio::local::stream_protocol::socket connection(io);
    connection.connect(boost::asio::local::stream_protocol::endpoint(socket()));
    boost::asio::write(connection, boost::asio::buffer(command));
    boost::asio::streambuf buffer;
    boost::asio::read_until(connection, buffer, "\r\n");
    std::istream answer(&buffer);
    std::string line;
    std::getline(answer, line, '\r');
    return line;
}

void RedisServer::kill() {
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
}

void RedisServer::signal(int number) const { ::kill(process_, number); }

void RedisServer::refuse_connections(int count) const {
    boost::asio::io_context io;
    tcp::acceptor acceptor(io, on_loopback(port_));
    for (int taken = 0; taken < count; ++taken) static_cast<void>(acceptor.accept());
}
