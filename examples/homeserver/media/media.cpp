#include "media/media.h"

#include "access/authentication.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "http/target.h"
#include "media/announced_media.h"
#include "media/incoming_file.h"
#include "media/media_settings.h"
#include "media/stored_media.h"
#include "media/uploads.h"
#include "text/secrets.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/media_repository.h>

#include <async/clock.h>
#include <async/run_on.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

/// A file of the store on its way to a client: each part is read on the pool.
class DownloadedFile final : public OutgoingBody {
public:
    DownloadedFile(boost::asio::any_io_executor pool, const std::filesystem::path& path, std::int64_t size)
        : pool_(std::move(pool)), path_(path.string()), stream_(path, std::ios::binary), size_(size) {}

    [[nodiscard]] bool is_open() const { return stream_.is_open(); }
    [[nodiscard]] std::uint64_t size() const noexcept override { return static_cast<std::uint64_t>(size_); }
    [[nodiscard]] async::task<std::string> read() override { return async::run_on(pool_, &DownloadedFile::read_next, this); }

private:
    static std::string read_next(DownloadedFile* file) {
        std::string part(part_size, '\0');
        file->stream_.read(part.data(), static_cast<std::streamsize>(part.size()));
        if (file->stream_.bad()) throw std::system_error(errno, std::generic_category(), file->path_);
        part.resize(static_cast<std::size_t>(file->stream_.gcount()));
        return part;
    }

    boost::asio::any_io_executor pool_;
    std::string path_;
    std::ifstream stream_;
    std::int64_t size_;
};

/// Null: the file is gone.
std::unique_ptr<DownloadedFile> open_file(const boost::asio::any_io_executor& pool, const std::filesystem::path& path,
                                          std::int64_t size) {
    auto file = std::make_unique<DownloadedFile>(pool, path, size);
    if (!file->is_open()) file.reset();
    return file;
}

std::string uri_of(const ServerName& server_name, const std::string& media_id) {
    return "mxc://" + server_name.text() + "/" + media_id;
}

/// What a request says of the file that is its body.
StoredMedia uploaded_with(const RoutedRequest& request, std::string media_id) {
    StoredMedia media;
    media.media_id = std::move(media_id);
    media.content_type = request.http.header("Content-Type").value_or("application/octet-stream");
    media.file_name = request.http.argument("filename").value_or(std::string());
    return media;
}

async::task<Response> upload(const RoutedRequest& request, Authentication& authentication, const ServerName& server_name,
                             Uploads& uploads) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::string media_id = new_media_id();
    StoredMedia media = uploaded_with(request, media_id);
    co_await uploads.take(requester, std::move(media), false, *request.incoming_body);
    callbacks::JsonDict answer;
    answer["content_uri"] = uri_of(server_name, media_id);
    co_return ok(std::move(answer));
}

async::task<Response> announce(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                               const async::clock& clock, const ServerName& server_name) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::string media_id = new_media_id();
    const std::int64_t now_ms = clock.wall_time_ms();
    const std::int64_t expires = co_await database.run_in_turn("announce_media", &announce_media, media_id, requester, now_ms);
    callbacks::JsonDict answer;
    answer["content_uri"] = uri_of(server_name, media_id);
    answer["unused_expires_at"] = expires;
    co_return ok(std::move(answer));
}

async::task<Response> upload_announced(const RoutedRequest& request, Authentication& authentication,
                                       const ServerName& server_name, Uploads& uploads) {
    const Requester requester = co_await authentication.requester_of(request);
    if (request.path_parameters.at(0) != server_name.text())
        throw SynapseError(404, "This media ID is of another server", Codes::NOT_FOUND);
    StoredMedia media = uploaded_with(request, request.path_parameters.at(1));
    co_await uploads.take(requester, std::move(media), true, *request.incoming_body);
    co_return ok();
}

/// What a browser may show in the page's own origin without harm; everything else is offered as a file.
bool may_be_shown(std::string_view content_type) {
    constexpr std::string_view harmless[] = {"text/plain", "image/jpeg", "image/gif", "image/png", "image/webp",
                                             "audio/mp4",  "audio/mpeg", "audio/ogg", "video/mp4", "video/webm"};
    const std::string_view type = content_type.substr(0, content_type.find(';'));
    return std::find(std::begin(harmless), std::end(harmless), type) != std::end(harmless);
}

/// `inline; filename*=utf-8''a%20b.txt`: every byte that isn't plainly safe is encoded.
std::string disposition(std::string_view content_type, const std::string& file_name) {
    std::string value(may_be_shown(content_type) ? "inline" : "attachment");
    if (file_name.empty()) return value;
    value += "; filename*=utf-8''";
    for (const char character : file_name) {
        const auto byte = static_cast<unsigned char>(character);
        if (std::isalnum(byte) != 0 || character == '.' || character == '-' || character == '_') {
            value += character;
        } else {
            append_encoded(value, character);
        }
    }
    return value;
}

[[noreturn]] void refuse_unknown() { throw SynapseError(404, "Not found", Codes::NOT_FOUND); }

/// Errors: 404 `M_NOT_FOUND`; 504 `M_NOT_YET_UPLOADED` for what was announced and isn't there yet.
StoredMedia require_media(Transaction& transaction, const std::string& media_id, std::int64_t now_ms) {
    std::optional<StoredMedia> media = find_media(transaction, media_id);
    if (media) return std::move(*media);
    if (is_announced(transaction, media_id, now_ms))
        throw SynapseError(504, "Media has not been uploaded yet", Codes::NOT_YET_UPLOADED);
    refuse_unknown();
}

async::task<Response> download(const RoutedRequest& request, modapi::Database& database, const async::clock& clock,
                               const ServerName& server_name, const MediaSettings& media_settings, const HostPool& host_pool) {
    const std::string& media_id = request.path_parameters.at(1);
    if (request.path_parameters.at(0) != server_name.text()) refuse_unknown();
    const std::int64_t now_ms = clock.wall_time_ms();
    const StoredMedia media = co_await database.read("find_media", &require_media, media_id, now_ms);
    const std::filesystem::path path = path_of_media(media_settings, media_id);
    std::unique_ptr<DownloadedFile> file =
        co_await async::run_on(host_pool.executor, &open_file, host_pool.executor, path, media.length);
    if (!file) refuse_unknown();
    request.outgoing_body = std::move(file);
    const bool names_it = request.path_parameters.size() > 2;
    const std::string file_name = names_it ? request.path_parameters.at(2) : media.file_name;
    Response response;
    response.headers.emplace_back("Content-Type", media.content_type);
    response.headers.emplace_back("Content-Disposition", disposition(media.content_type, file_name));
    response.headers.emplace_back("Content-Security-Policy", "sandbox; default-src 'none'");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    co_return response;
}

async::task<Response> get_config(const RoutedRequest& request, Authentication& authentication,
                                 const MediaSettings& media_settings, callbacks::MediaRepositoryDispatch& media_repository) {
    const Requester requester = co_await authentication.requester_of(request);
    const std::string user_id = requester.user.to_string();
    std::optional<callbacks::JsonDict> own = co_await media_repository.get_media_config_for_user(user_id);
    if (own && !own->empty()) co_return ok(std::move(*own));
    callbacks::JsonDict answer;
    answer["m.upload.size"] = media_settings.max_upload_size;
    co_return ok(std::move(answer));
}

}  // namespace

void add_media_endpoints(Router& router) {
    for (const char* version : {"v3", "r0"}) {
        const std::string root = std::string("/_matrix/media/") + version;
        router.add("POST", root + "/upload", &upload, RequestBody::in_parts);
        router.add("GET", root + "/config", &get_config);
        router.add("GET", root + "/download/{server_name}/{media_id}", &download);
        router.add("GET", root + "/download/{server_name}/{media_id}/{file_name}", &download);
    }
    router.add("GET", "/_matrix/client/v1/media/config", &get_config);
    router.add("POST", "/_matrix/media/v1/create", &announce);
    router.add("PUT", "/_matrix/media/v3/upload/{server_name}/{media_id}", &upload_announced, RequestBody::in_parts);
}

}  // namespace homeserver
