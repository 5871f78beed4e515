#include "media/media_file.h"

#include <async/run_on.h>

#include <cerrno>
#include <system_error>

namespace homeserver {

MediaFile::MediaFile(boost::asio::any_io_executor pool, const std::filesystem::path& path)
    : pool_(std::move(pool)), path_(path.string()), stream_(path_, std::ios::binary) {}

async::task<std::span<const std::byte>> MediaFile::read_chunk() {
    const std::size_t size = co_await async::run_on(pool_, &MediaFile::read_next, this);
    co_return std::span<const std::byte>(chunk_.data(), size);
}

std::size_t MediaFile::read_next(MediaFile* file) {
    if (!file->stream_.is_open()) throw std::system_error(errno, std::generic_category(), file->path_);
    file->stream_.read(reinterpret_cast<char*>(file->chunk_.data()), static_cast<std::streamsize>(file->chunk_.size()));
    if (file->stream_.bad()) throw std::system_error(errno, std::generic_category(), file->path_);
    return static_cast<std::size_t>(file->stream_.gcount());
}

}  // namespace homeserver
