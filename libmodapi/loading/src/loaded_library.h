#pragma once

#include "elf_file.h"

#include <modapi/module.h>

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace modapi {

/// Which file it is, and which content of it: one that was overwritten, or replaced by another, has another identity.
struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified_ns = 0;  ///< since the epoch

    [[nodiscard]] bool is_same_file(const FileIdentity& other) const noexcept {
        return device == other.device && inode == other.inode;
    }
    bool operator==(const FileIdentity&) const = default;
};

/// Of what stands there now. Errors: ModuleLoadError.
[[nodiscard]] FileIdentity identity_of(const std::filesystem::path& file);

[[noreturn]] void fail_to_load(const std::filesystem::path& file, const std::string& what);

/// A module library that this process runs. It is never unloaded: its code may be on some stack, the types of what it threw
/// live in it, and so do its static objects. What its file was when it was loaded it stays, whatever is written to the file.
/// Thread: one at a time in the process.
class LoadedLibrary {
public:
    /// The one that was loaded of this content; null: none was.
    [[nodiscard]] static const LoadedLibrary* of(const FileIdentity& identity) noexcept;
    /// Loads a file whose marks were checked; `elf` reads it. Where an earlier content of the same file, or of one that stood
    /// at the same path, is loaded, that one goes on beside it. Errors: ModuleLoadError.
    static const LoadedLibrary& load(const std::filesystem::path& file, const FileIdentity& identity, ElfFile& elf);

    /// Names of the symbols that it exports.
    [[nodiscard]] const std::vector<std::string>& symbols() const noexcept { return symbols_; }
    /// One of those, which MODAPI_MODULE has made.
    [[nodiscard]] const ModuleDefinition& definition(const std::string& symbol) const;

private:
    LoadedLibrary(std::filesystem::path file, const FileIdentity& identity) : file_(std::move(file)), identity_(identity) {}
    /// Runs the library's static initializers. `name` is what the loader gets.
    static const LoadedLibrary& open(const std::filesystem::path& file, const std::filesystem::path& name,
                                     const FileIdentity& identity, ElfFile& elf);
    static std::vector<std::unique_ptr<LoadedLibrary>>& all();

    std::filesystem::path file_;
    FileIdentity identity_;
    std::vector<std::string> symbols_;
    void* handle_ = nullptr;
};

}  // namespace modapi
