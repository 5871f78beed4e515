#include "server_process.h"

#include <boost/asio/read_until.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <istream>
#include <system_error>

namespace command {

namespace {

// What a shell says of a program that can't be started, and of one that a signal has ended.
constexpr int cannot_be_started = 126;
constexpr int ended_by_signal = 128;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

// The handlers are there before the child is: its end can't be missed.
ServerProcess::ServerProcess(const std::vector<std::string>& arguments)
    : interruptions_(io_, SIGINT, SIGTERM, SIGHUP), ends_of_children_(io_, SIGCHLD), output_(io_) {
    start(arguments);
}

void ServerProcess::start(const std::vector<std::string>& arguments) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    output_.assign(ends[0]);
    std::vector<char*> words;
    for (const std::string& argument : arguments)
        words.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: as execv has it
    words.push_back(nullptr);
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ < 0) fail("fork");
    if (process_ == 0) {
        // In a group of its own: what is typed at the terminal comes to it through this process alone, and once.
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent) ::_exit(cannot_be_started);
        ::dup2(ends[1], STDOUT_FILENO);
        ::execv(words.front(), words.data());
        ::_exit(cannot_be_started);
    }
    ::close(ends[1]);
}

int ServerProcess::wait(const std::function<void(const std::string&)>& on_line) {
    read_line(on_line);
    wait_for_interruption();
    wait_for_end();
    io_.run();
    return status_;
}

void ServerProcess::read_line(const std::function<void(const std::string&)>& on_line) {
    boost::asio::async_read_until(output_, read_, '\n', [this, on_line](const boost::system::error_code& error, std::size_t) {
        if (error) return;
        std::istream lines(&read_);
        std::string line;
        std::getline(lines, line);
        on_line(line);
        read_line(on_line);
    });
}

void ServerProcess::wait_for_interruption() {
    interruptions_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        // Who interrupts a second time doesn't want to wait for what is under way.
        ::kill(process_, was_interrupted_ ? SIGKILL : SIGTERM);
        was_interrupted_ = true;
        wait_for_interruption();
    });
}

void ServerProcess::wait_for_end() {
    ends_of_children_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        int status = 0;
        if (::waitpid(process_, &status, WNOHANG) != process_) return wait_for_end();
        status_ = WIFSIGNALED(status) ? ended_by_signal + WTERMSIG(status) : WEXITSTATUS(status);
        io_.stop();
    });
}

}  // namespace command
