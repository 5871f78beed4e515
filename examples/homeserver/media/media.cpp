#include "media/media.h"

#include "access/authentication.h"
#include "http/host_pool.h"
#include "http/requests.h"
#include "http/target.h"
#include "media/incoming_file.h"
#include "media/media_file.h"
#include "media/media_settings.h"
#include "text/secrets.h"
#include "text/server_name.h"

#include <modapi/database.h>

#include <callbacks/errors.h>
#include <callbacks/media.h>
#include <callbacks/spam_checker.h>

#include <async/clock.h>
#include <async/run_on.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::Requester;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr std::int64_t max_upload = 10 * 1024 * 1024;

/// One uploaded file, as the database has it.
struct StoredMedia {
    std::string media_id;
    std::string content_type;
    std::string file_name;  ///< empty: none was given
    std::string uploader;
    std::int64_t length = 0;
};

void insert_media(Transaction& transaction, const StoredMedia& media, const Requester& requester, std::int64_t now) {
    require_session(transaction, requester);
    transaction.execute(
        "INSERT INTO media (media_id, content_type, file_name, uploader, length, creation_ts) VALUES (?, ?, ?, ?, ?, ?)",
        media.media_id, media.content_type, media.file_name, media.uploader, media.length, now);
}

std::optional<StoredMedia> find_media(Transaction& transaction, const std::string& media_id) {
    auto row = transaction.query_one<std::string, std::string, std::int64_t>(
        "SELECT content_type, file_name, length FROM media WHERE media_id = ?", media_id);
    if (!row) return std::nullopt;
    StoredMedia media;
    media.media_id = media_id;
    std::tie(media.content_type, media.file_name, media.length) = std::move(*row);
    return media;
}

std::unique_ptr<IncomingFile> write_file(const MediaSettings& media_settings, const std::string& media_id,
                                         const std::string& bytes) {
    return std::make_unique<IncomingFile>(media_settings, media_id, bytes);
}

/// None: the file is gone.
std::optional<std::string> read_file(const std::filesystem::path& path) {
    const std::ifstream stream(path, std::ios::binary);
    if (!stream) return std::nullopt;
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    return std::move(bytes).str();
}

/// Asks the modules about the file; true: it may stay.
async::task<bool> is_acceptable(const HostPool& host_pool, callbacks::SpamCheckerDispatch& spam_checker,
                                std::filesystem::path path, std::string media_id) {
    MediaFile file(host_pool.executor, path);
    callbacks::FileInfo info;
    info.file_id = std::move(media_id);
    const callbacks::Verdict verdict = co_await spam_checker.check_media_file_for_spam(file, info);
    co_return !verdict.is_spam();
}

/// Writes the file, has it checked, and stores it; a file that is refused, also by an exception, doesn't stay.
async::task<void> take_upload(modapi::Database& database, const async::clock& clock, const MediaSettings& media_settings,
                              const HostPool& host_pool, callbacks::SpamCheckerDispatch& spam_checker, StoredMedia media,
                              const Requester& requester, const std::string& bytes) {
    const std::unique_ptr<IncomingFile> file =
        co_await async::run_on(host_pool.executor, &write_file, media_settings, media.media_id, bytes);
    const bool acceptable = co_await is_acceptable(host_pool, spam_checker, file->path(), media.media_id);
    if (!acceptable) throw SynapseError(400, "Bad content");
    const std::int64_t now = clock.wall_time_ms();
    co_await database.run("store_media", &insert_media, media, requester, now);
    file->keep();
}

async::task<Response> upload(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                             const async::clock& clock, const ServerName& server_name, const MediaSettings& media_settings,
                             const HostPool& host_pool, callbacks::SpamCheckerDispatch& spam_checker) {
    const Requester requester = co_await authentication.requester_of(request);
    StoredMedia media;
    media.media_id = new_media_id();
    media.content_type = request.http.header("Content-Type").value_or("application/octet-stream");
    media.file_name = request.http.argument("filename").value_or(std::string());
    media.uploader = requester.user.to_string();
    media.length = static_cast<std::int64_t>(request.http.body.size());
    const std::string uri = "mxc://" + server_name.text() + "/" + media.media_id;
    co_await to_the_end(
        take_upload(database, clock, media_settings, host_pool, spam_checker, std::move(media), requester,
                                        request.http.body));
    callbacks::JsonDict answer;
    answer["content_uri"] = uri;
    co_return ok(std::move(answer));
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

async::task<Response> download(const RoutedRequest& request, modapi::Database& database, const ServerName& server_name,
                               const MediaSettings& media_settings, const HostPool& host_pool) {
    const std::string& media_id = request.path_parameters.at(1);
    const bool is_ours = request.path_parameters.at(0) == server_name.text();
    std::optional<StoredMedia> media;
    if (is_ours) media = co_await database.read("find_media", &find_media, media_id);
    if (!media) throw SynapseError(404, "Not found", Codes::NOT_FOUND);
    const std::filesystem::path path = path_of_media(media_settings, media_id);
    std::optional<std::string> bytes = co_await async::run_on(host_pool.executor, &read_file, path);
    if (!bytes) throw SynapseError(404, "Not found", Codes::NOT_FOUND);
    const bool names_it = request.path_parameters.size() > 2;
    const std::string file_name = names_it ? request.path_parameters.at(2) : media->file_name;
    Response response;
    response.headers.emplace_back("Content-Type", media->content_type);
    response.headers.emplace_back("Content-Disposition", disposition(media->content_type, file_name));
    response.headers.emplace_back("Content-Security-Policy", "sandbox; default-src 'none'");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    response.body = std::move(*bytes);
    co_return response;
}

async::task<Response> get_config(const RoutedRequest& request, Authentication& authentication) {
    static_cast<void>(co_await authentication.requester_of(request));
    callbacks::JsonDict answer;
    answer["m.upload.size"] = max_upload;
    co_return ok(std::move(answer));
}

}  // namespace

void add_media_endpoints(Router& router) {
    for (const char* version : {"v3", "r0"}) {
        const std::string root = std::string("/_matrix/media/") + version;
        router.add("POST", root + "/upload", &upload);
        router.add("GET", root + "/config", &get_config);
        router.add("GET", root + "/download/{server_name}/{media_id}", &download);
        router.add("GET", root + "/download/{server_name}/{media_id}/{file_name}", &download);
    }
}

}  // namespace homeserver
