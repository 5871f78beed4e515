#pragma once

#include <modapi/database.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/object.hpp>

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace homeserver_test {

/// A folder that lives as long as the object, and with it the database of the servers in it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

struct Answer {
    int status = 0;
    boost::json::object body;  ///< empty if the body is no JSON object
    std::vector<std::pair<std::string, std::string>> headers;
    /// Empty if it isn't there.
    [[nodiscard]] std::string header(const std::string& name) const;
    /// A string of the body; empty if it isn't there.
    [[nodiscard]] std::string text(const std::string& key) const;
};

/// One connection to the server, for what an HTTP library wouldn't send.
class RawConnection {
public:
    explicit RawConnection(unsigned short port);
    void send(const std::string& bytes);
    /// What comes until the server closes; fails the test when that takes longer than `limit`.
    [[nodiscard]] std::string read_to_end(std::chrono::seconds limit = std::chrono::seconds(20));
    /// What comes until `mark` is in it.
    [[nodiscard]] std::string read_until(const std::string& mark, std::chrono::seconds limit = std::chrono::seconds(20));
    void close();
    /// Sends nothing any more, and still reads.
    void finish_sending();
    /// Closes as one whose program was killed: what comes is refused.
    void reset();
    [[nodiscard]] boost::asio::ip::tcp::socket& socket() noexcept { return socket_; }

private:
    /// Appends what comes; false: the end. Throws when nothing comes in time.
    bool read_more(std::string& into, std::chrono::steady_clock::time_point until);

    boost::asio::io_context io_;
    boost::asio::ip::tcp::socket socket_;
};

/// The database of the servers in a folder, for a look at it: SQLite's file, or on the PostgreSQL server of this run.
[[nodiscard]] modapi::DatabaseSettings database_in(const std::filesystem::path& folder);

/// The folder by which several servers name one database.
struct SharedDatabase {
    std::filesystem::path folder;
};

/// The built server as a process of its own, with its configuration and database in a folder.
class ServerProcess {
public:
    /// `settings` is the configuration without server_name (`hs.test`), listeners and database; `later`, if there is any, a
    /// second file, `later.yaml`, whose keys take the place of those of the first. Nobody's rates are limited but by the keys
    /// `rc_...` that `settings` has. Waits until it listens.
    ServerProcess(const std::filesystem::path& folder, const std::string& settings, const std::string& later = {})
        : ServerProcess(folder, settings, SharedDatabase{folder}, later) {}
    /// One of several over one database; `folder` is there and has this one's configuration and output.
    ServerProcess(const std::filesystem::path& folder, const std::string& settings, const SharedDatabase& database,
                  const std::string& later = {});
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    [[nodiscard]] unsigned short port() const noexcept { return port_; }
    [[nodiscard]] pid_t process() const noexcept { return process_; }
    [[nodiscard]] Answer request(const std::string& method, const std::string& target, const std::string& body = {},
                                 const std::string& token = {}) const;
    /// The same with a whole Authorization header; empty: none.
    [[nodiscard]] Answer request_by(const std::string& authorization, const std::string& method, const std::string& target,
                                    const std::string& body = {}) const;
    /// Writes the configuration anew, with what the constructor is given.
    void configure(const std::string& settings) const;
    void configure_later(const std::string& later) const;
    /// Registers; gives the access token.
    [[nodiscard]] std::string register_user(const std::string& name) const;
    /// SIGKILL.
    void kill();
    void signal(int number) const;
    /// The exit status; fails the test if the process doesn't end within `limit`.
    [[nodiscard]] int wait(std::chrono::seconds limit = std::chrono::seconds(20));
    /// What is on stderr so far.
    [[nodiscard]] std::string log() const;
    /// Waits until `text` is in the log.
    [[nodiscard]] bool log_shows(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(20)) const;

private:
    std::filesystem::path folder_;
    std::filesystem::path database_folder_;
    pid_t process_ = -1;
    unsigned short port_ = 0;
};

/// A run of the program that ends by itself.
struct FinishedRun {
    int status = 0;
    std::string output;
    std::string errors;
};
[[nodiscard]] FinishedRun run_program(const std::filesystem::path& folder, const std::vector<std::string>& arguments);
/// Sends it the signal as soon as `text` is on its stderr.
[[nodiscard]] FinishedRun run_program_until(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                                            const std::string& text, int signal);

}  // namespace homeserver_test
