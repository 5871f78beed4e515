#pragma once

#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace callbacks {

/// What a thumbnail looks like.
struct ThumbnailInfo {
    int width = 0;
    int height = 0;
    std::string method;  ///< crop or scale
    std::string type;    ///< MIME type
    std::int64_t length = 0;
};

/// Which file is checked (contract: `FileInfo`).
struct FileInfo {
    std::optional<std::string> server_name;  ///< none: uploaded here
    std::string file_id;
    bool url_cache = false;
    std::optional<ThumbnailInfo> thumbnail;
};

/// A file on local disk that a module may read (contract: `ReadableFileWrapper`).
///
/// Lifetime: valid during the callback it is given to.
class ReadableFileWrapper {
public:
    static constexpr std::size_t chunk_size = 16384;

    virtual ~ReadableFileWrapper() = default;

    /// The next bytes, at most chunk_size; empty at the end. The span is valid until the next call. Errors: std::system_error.
    [[nodiscard]] virtual async::task<std::span<const std::byte>> read_chunk() = 0;
    [[nodiscard]] virtual const std::string& path() const noexcept = 0;
    /// The same file from its beginning, for a module that is asked beside the operation (mode: shadow) and may still read when
    /// that has ended, and the file has been deleted. For hosts; null: this host's files can't be read that way, and the module
    /// isn't asked.
    [[nodiscard]] virtual std::unique_ptr<ReadableFileWrapper> read_again() const { return nullptr; }
};

/// How much one user may upload in a time (contract: `MediaUploadLimit`). Can't be changed, and is never absurd: an answer that would be
/// is the module's failure.
class MediaUploadLimit {
public:
    /// A hundred years: a time that is longer is a mistake, most likely in its unit.
    static constexpr std::int64_t longest_time_period_ms = 100LL * 366 * 24 * 60 * 60 * 1000;

    /// Errors: std::invalid_argument for a negative number of bytes, or a time that isn't from 1 ms to a hundred years.
    MediaUploadLimit(std::int64_t max_bytes, std::int64_t time_period_ms);

    /// All that a user uploads within the time counts together. 0: nothing may be uploaded.
    [[nodiscard]] std::int64_t max_bytes() const noexcept { return max_bytes_; }
    /// How long an upload counts, in milliseconds.
    [[nodiscard]] std::int64_t time_period_ms() const noexcept { return time_period_ms_; }
    bool operator==(const MediaUploadLimit&) const = default;

private:
    std::int64_t max_bytes_;
    std::int64_t time_period_ms_;
};

/// Hands the whole file to `sink(std::span<const std::byte>)`, chunk by chunk, and lets other work run in between.
template <class Sink>
async::task<void> write_chunks_to(ReadableFileWrapper& file, Sink& sink) {
    while (true) {
        const std::span<const std::byte> chunk = co_await file.read_chunk();
        if (chunk.empty()) co_return;
        sink(chunk);
    }
}

}  // namespace callbacks
