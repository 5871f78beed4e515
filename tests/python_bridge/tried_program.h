#pragma once

#include <gtest/gtest.h>

#include <callbacks/json.h>

#include "python_program.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace modapi::test {

/// Something that other processes bring about: waited for, since it has no other sign.
template <class Condition>
[[nodiscard]] bool comes_true(const Condition& condition, std::chrono::seconds limit = std::chrono::seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        ::poll(nullptr, 0, 2);
    }
    return true;
}

/// A folder that other users can look into, removed at the end.
class OpenFolder {
public:
    OpenFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "modapi-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
        std::filesystem::permissions(path_, std::filesystem::perms(0755));
    }
    OpenFolder(const OpenFolder&) = delete;
    OpenFolder& operator=(const OpenFolder&) = delete;
    ~OpenFolder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// A process that does what it is told, in the sandbox of all others.
class TriedProgram {
public:
    explicit TriedProgram(PythonSettings settings = {}) {
        std::filesystem::copy(TRYING_FOLDER, folder_.path(), std::filesystem::copy_options::recursive);
        settings.folder = folder_.path();
        program_ = std::make_unique<PythonProgram>(settings);
    }
    [[nodiscard]] PythonProgram& operator*() { return *program_; }
    [[nodiscard]] PythonProgram* operator->() { return program_.get(); }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
    void end() { program_.reset(); }

    void send(const std::string& code) {
        const std::string line = boost::json::serialize(boost::json::value(code)) + "\n";
        if (::send(program_->connection(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
            throw std::runtime_error("the program takes nothing");
    }
    /// What `result` is afterwards, as JSON; "gone" if the program ended.
    [[nodiscard]] std::string answer() {
        while (received_.find('\n') == std::string::npos) {
            pollfd ready{program_->connection(), POLLIN, 0};
            if (::poll(&ready, 1, 30'000) <= 0) throw std::runtime_error("no answer");
            std::array<char, 4096> bytes{};
            const ssize_t size = ::recv(program_->connection(), bytes.data(), bytes.size(), 0);
            if (size <= 0) return "gone";
            received_.append(bytes.data(), static_cast<std::size_t>(size));
        }
        std::string line = received_.substr(0, received_.find('\n'));
        received_.erase(0, line.size() + 1);
        return line;
    }
    [[nodiscard]] std::string tried(const std::string& code) {
        send(code);
        return answer();
    }
    /// All that it has printed once it has ended.
    [[nodiscard]] std::string printed() {
        std::string text;
        while (true) {
            pollfd ready{program_->output(), POLLIN, 0};
            if (::poll(&ready, 1, 30'000) <= 0) throw std::runtime_error("it neither prints nor ends");
            std::array<char, 4096> bytes{};
            const ssize_t size = ::read(program_->output(), bytes.data(), bytes.size());
            if (size <= 0) return text;
            text.append(bytes.data(), static_cast<std::size_t>(size));
        }
    }

private:
    OpenFolder folder_;
    std::unique_ptr<PythonProgram> program_;
    std::string received_;
};

}  // namespace modapi::test
