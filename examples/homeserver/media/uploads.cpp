#include "media/uploads.h"

#include "http/requests.h"
#include "media/announced_media.h"
#include "media/incoming_file.h"
#include "media/media_file.h"

#include <callbacks/errors.h>

#include <async/run_on.h>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::MediaUploadLimit;
using callbacks::SynapseError;

[[noreturn]] void refuse_size() { throw SynapseError(413, "Upload request body is too large", Codes::TOO_LARGE); }

/// Null: another upload of it is under way.
std::unique_ptr<IncomingFile> begin_file(const MediaSettings& media_settings, const std::string& media_id, bool is_announced,
                                         const std::string& bytes) {
    std::unique_ptr<IncomingFile> file;
    if (is_announced) {
        file = IncomingFile::of_announced(media_settings, media_id);
    } else {
        file = std::make_unique<IncomingFile>(media_settings, media_id);
    }
    if (file) file->write(bytes);
    return file;
}

void write_part(IncomingFile* file, const std::string& bytes) { file->write(bytes); }

}  // namespace

async::task<void> Uploads::take(callbacks::Requester requester, StoredMedia media, bool is_announced, IncomingBody& body) {
    media.uploader = requester.user.to_string();
    if (is_announced) {
        co_await database_.read("find_announced_media", &require_announced, media.media_id, media.uploader,
                                clock_.wall_time_ms());
    }
    const std::optional<std::uint64_t> announced_size = body.announced_size();
    if (announced_size) co_await require_allowed_size(media.uploader, *announced_size);
    std::unique_ptr<IncomingFile> file = co_await write(media, is_announced, body);
    if (!announced_size) co_await require_allowed_size(media.uploader, static_cast<std::uint64_t>(media.length));
    MediaOrder order{std::move(media), std::move(requester)};
    order.is_announced = is_announced;
    async::task<void> storing = to_the_end(store(std::move(order), std::move(file)));
    co_await std::move(storing);
}

async::task<void> Uploads::require_allowed_size(std::string user_id, std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(media_settings_.max_upload_size)) refuse_size();
    const auto signed_size = static_cast<std::int64_t>(size);
    const bool allowed = co_await media_repository_.is_user_allowed_to_upload_media_of_size(user_id, signed_size);
    if (!allowed) refuse_size();
}

async::task<std::unique_ptr<IncomingFile>> Uploads::write(StoredMedia& media, bool is_announced, IncomingBody& body) {
    std::unique_ptr<IncomingFile> file;
    for (;;) {
        std::string part = co_await body.read();
        const bool was_last = part.empty();
        media.length += static_cast<std::int64_t>(part.size());
        if (media.length > media_settings_.max_upload_size) refuse_size();
        if (!file) {
            file = co_await async::run_on(host_pool_.executor, &begin_file, media_settings_, media.media_id, is_announced,
                                          std::move(part));
            if (!file) refuse_to_overwrite();
        } else if (!was_last) {
            co_await async::run_on(host_pool_.executor, &write_part, file.get(), std::move(part));
        }
        if (was_last) co_return file;
    }
}

async::task<void> Uploads::store(MediaOrder order, std::unique_ptr<IncomingFile> file) {
    const std::string user_id = order.media.uploader;
    const std::int64_t size = order.media.length;
    const bool acceptable = co_await is_acceptable(file->path().string(), order.media.media_id);
    if (!acceptable) throw SynapseError(400, "Bad content");
    order.limits = co_await limits_of(user_id);
    order.now_ms = clock_.wall_time_ms();
    std::optional<ExceededLimit> exceeded;
    if (order.limits.empty()) {
        exceeded = co_await database_.run("store_media", &store_media, std::move(order));
    } else {
        exceeded = co_await database_.run_in_turn("store_media", &store_media, std::move(order));
    }
    if (exceeded) {
        co_await media_repository_.on_media_upload_limit_exceeded(user_id, exceeded->limit, exceeded->sent_bytes, size);
        throw SynapseError(400, "Media upload limit exceeded", Codes::RESOURCE_LIMIT_EXCEEDED);
    }
    file->keep();
}

async::task<bool> Uploads::is_acceptable(std::string path, std::string media_id) {
    MediaFile file(host_pool_.executor, path);
    callbacks::FileInfo info;
    info.file_id = std::move(media_id);
    const callbacks::Verdict verdict = co_await spam_checker_.check_media_file_for_spam(file, info);
    co_return !verdict.is_spam();
}

async::task<std::vector<MediaUploadLimit>> Uploads::limits_of(std::string user_id) {
    std::optional<std::vector<MediaUploadLimit>> own = co_await media_repository_.get_media_upload_limits_for_user(user_id);
    std::vector<MediaUploadLimit> limits = own ? std::move(*own) : media_settings_.upload_limits;
    std::stable_sort(limits.begin(), limits.end(), [](const MediaUploadLimit& left, const MediaUploadLimit& right) {
        return left.time_period_ms() > right.time_period_ms();
    });
    co_return limits;
}

}  // namespace homeserver
