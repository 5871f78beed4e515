#pragma once

#include <callbacks/json.h>

#include <filesystem>
#include <mutex>
#include <string_view>

namespace homeserver {

/// A file that mails and validation codes are written to instead of being sent: one JSON object a line. Who reads it takes over
/// accounts; it is made for its owner alone. Thread: any.
class MailSink {
public:
    explicit MailSink(std::filesystem::path file) : file_(std::move(file)) {}

    /// Makes the file, if it isn't there. Blocks. Errors: modapi::MailError.
    void make();
    /// Blocks. Errors: modapi::MailError.
    void append(const callbacks::JsonDict& record);

private:
    void write(std::string_view line);

    std::filesystem::path file_;
    std::mutex mutex_;
};

}  // namespace homeserver
