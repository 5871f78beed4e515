#pragma once

#include <callbacks/media.h>

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace homeserver {

/// A file as check_media_file_for_spam reads it: each chunk on the pool, so that the worker goes on meanwhile.
class MediaFile final : public callbacks::ReadableFileWrapper {
public:
    /// Errors: std::system_error at the first read of a file that can't be opened.
    MediaFile(boost::asio::any_io_executor pool, const std::filesystem::path& path);

    [[nodiscard]] async::task<std::span<const std::byte>> read_chunk() override;
    [[nodiscard]] const std::string& path() const noexcept override { return path_; }
    [[nodiscard]] std::unique_ptr<callbacks::ReadableFileWrapper> read_again() const override {
        return std::make_unique<MediaFile>(pool_, path_);  // open from here on, whatever becomes of the file
    }

private:
    static std::size_t read_next(MediaFile* file);

    boost::asio::any_io_executor pool_;
    std::string path_;
    std::ifstream stream_;
    std::array<std::byte, chunk_size> chunk_{};
};

}  // namespace homeserver
