#include "mail/mail_sink.h"

#include <modapi/services/mail_services.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace homeserver {

namespace {

/// Errors: std::system_error.
void append_to(const std::filesystem::path& file, std::string_view line) {
    constexpr mode_t owner_only = 0600;
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, owner_only);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category());
    // Other processes append to it too: a line that is written in parts stays one. Ends with the descriptor.
    int failure = 0;
    while (::flock(descriptor, LOCK_EX) != 0 && errno == EINTR) {
    }
    while (!line.empty() && failure == 0) {
        const ssize_t written = ::write(descriptor, line.data(), line.size());
        if (written >= 0) {
            line.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            failure = errno;
        }
    }
    ::close(descriptor);
    if (failure != 0) throw std::system_error(failure, std::generic_category());
}

}  // namespace

void MailSink::append(const callbacks::JsonDict& record) {
    const std::string line = boost::json::serialize(record) + "\n";
    const std::lock_guard<std::mutex> one_at_a_time(mutex_);
    try {
        append_to(file_, line);
    } catch (const std::system_error& error) {
        throw modapi::MailError("the file of mails " + file_.string() + " can't be written: " + error.code().message());
    }
}

}  // namespace homeserver
