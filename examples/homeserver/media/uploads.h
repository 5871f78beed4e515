#pragma once

#include "http/host_pool.h"
#include "http/incoming_body.h"
#include "media/media_settings.h"
#include "media/stored_media.h"

#include <modapi/database.h>

#include <async/clock.h>
#include <async/task.h>
#include <callbacks/media_repository.h>
#include <callbacks/spam_checker.h>
#include <callbacks/users.h>

#include <memory>
#include <string>
#include <vector>

namespace homeserver {

class IncomingFile;

/// Takes what clients upload: asks whether it may come before it does, writes it to disk as it comes, has it checked, and
/// stores it. Thread: the worker's.
class Uploads {
public:
    /// All outlive it.
    Uploads(modapi::Database& database, const async::clock& clock, const MediaSettings& media_settings, HostPool host_pool,
            callbacks::SpamCheckerDispatch& spam_checker, callbacks::MediaRepositoryDispatch& media_repository)
        : database_(database),
          clock_(clock),
          media_settings_(media_settings),
          host_pool_(std::move(host_pool)),
          spam_checker_(spam_checker),
          media_repository_(media_repository) {}

    /// Takes all of `body`. `media` says everything but the uploader and the length. When it throws, and when the client goes
    /// away before the body is whole, nothing of it stays. What is checked at the beginning is checked again when it is stored.
    ///
    /// Errors: 413 `M_TOO_LARGE` for what is larger than allowed: before any of it is read where the header says so, else as
    /// soon as it is passed; 400 "Bad content"; 400 `M_RESOURCE_LIMIT_EXCEEDED`; 401 of a session that has ended; of announced
    /// media those of require_announced.
    [[nodiscard]] async::task<void> take(callbacks::Requester requester, StoredMedia media, bool is_announced,
                                         IncomingBody& body);

private:
    [[nodiscard]] async::task<void> require_allowed_size(std::string user_id, std::uint64_t size);
    /// Writes the body; its length is in `media` then.
    [[nodiscard]] async::task<std::unique_ptr<IncomingFile>> write(StoredMedia& media, bool is_announced, IncomingBody& body);
    /// Has a file checked, and stores it; one that is refused, also by an exception, doesn't stay.
    [[nodiscard]] async::task<void> store(MediaOrder order, std::unique_ptr<IncomingFile> file);
    [[nodiscard]] async::task<bool> is_acceptable(std::string path, std::string media_id);
    /// The longest time first.
    [[nodiscard]] async::task<std::vector<callbacks::MediaUploadLimit>> limits_of(std::string user_id);

    modapi::Database& database_;
    const async::clock& clock_;
    const MediaSettings& media_settings_;
    HostPool host_pool_;
    callbacks::SpamCheckerDispatch& spam_checker_;
    callbacks::MediaRepositoryDispatch& media_repository_;
};

}  // namespace homeserver
