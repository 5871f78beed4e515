#pragma once

#include <callbacks/json.h>

#include <filesystem>
#include <mutex>

namespace homeserver {

/// A file that mails and validation codes are written to instead of being sent: one JSON object a line. Who reads it takes over
/// accounts; it is made for its owner alone. Several processes may append to it. Thread: any.
class MailSink {
public:
    explicit MailSink(std::filesystem::path file) : file_(std::move(file)) {}

    /// Blocks. Errors: modapi::MailError.
    void append(const callbacks::JsonDict& record);

private:
    std::filesystem::path file_;
    std::mutex mutex_;
};

}  // namespace homeserver
