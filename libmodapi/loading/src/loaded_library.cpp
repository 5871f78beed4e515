#include "loaded_library.h"

#include "library_memory.h"
#include "loader_lock.h"

#include <modapi/hosting/module_code.h>
#include <modapi/hosting/module_resolver.h>

#include <callbacks/errors.h>

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>

namespace modapi {

namespace {

/// A name by which the loader doesn't know the file yet: it takes two names for one library if they are the same text, or if
/// they lead to the same file.
std::filesystem::path other_spelling(const std::filesystem::path& file, std::size_t times) {
    std::filesystem::path folder = file.parent_path();
    for (std::size_t time = 0; time < times; ++time) folder /= ".";
    return folder / file.filename();
}

/// A copy beside a file, where everything is found that it looks for beside itself. It has a name as long as this lives.
class CopyOfLibrary {
public:
    CopyOfLibrary(const std::filesystem::path& file, std::size_t number)
        : name_(file.parent_path() /
                ("." + file.filename().string() + "." + std::to_string(::getpid()) + "." + std::to_string(number))) {
        std::error_code error;
        std::filesystem::copy_file(file, name_, std::filesystem::copy_options::overwrite_existing, error);
        if (!error) return;
        fail_to_load(file, "was overwritten since it was loaded, and no copy of it can be made beside it (" + error.message() +
                               "); move the new file over it with mv");
    }
    ~CopyOfLibrary() {
        std::error_code ignored;
        std::filesystem::remove(name_, ignored);
    }
    CopyOfLibrary(const CopyOfLibrary&) = delete;
    CopyOfLibrary& operator=(const CopyOfLibrary&) = delete;
    [[nodiscard]] const std::filesystem::path& name() const noexcept { return name_; }

private:
    std::filesystem::path name_;
};

/// dlopen, which is declared to throw nothing: but a library's initializers run in it, and a compiler that believed the
/// declaration would end the program.
void* (*volatile open_library)(const char* name, int mode) = &::dlopen;

/// What a report of a crash calls a later version of a library: `/srv/modules/filter.so (written 2026-11-29 05:12:13 UTC)`.
std::string name_of_version(const std::filesystem::path& file, const FileIdentity& identity) {
    const std::chrono::nanoseconds since_epoch(identity.modified_ns);
    const std::time_t written = std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
    return fmt::format("{} (written {:%Y-%m-%d %H:%M:%S} UTC)", file.native(), fmt::gmtime(written));
}

FileIdentity identity_in(const struct stat& found) {
    const std::chrono::nanoseconds modified =
        std::chrono::seconds(found.st_mtim.tv_sec) + std::chrono::nanoseconds(found.st_mtim.tv_nsec);
    return {found.st_dev, found.st_ino, found.st_size, modified.count()};
}

/// Keeps a file's number from being given to another file when it is deleted: the loader would take that one for the loaded
/// one, as long as the process lives. False: another content stands there.
bool hold(const std::filesystem::path& file, const FileIdentity& identity) noexcept {
    const int held = ::open(file.c_str(), O_PATH | O_CLOEXEC);
    if (held < 0) return false;
    struct stat found {};
    if (::fstat(held, &found) == 0 && identity_in(found) == identity) return true;
    ::close(held);
    return false;
}

}  // namespace

void fail_to_load(const std::filesystem::path& file, const std::string& what) {
    throw ModuleLoadError(file.string() + " " + what);
}

FileIdentity identity_of(const std::filesystem::path& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) fail_to_load(file, std::string("can't be read: ") + std::strerror(errno));
    return identity_in(found);
}

std::vector<std::unique_ptr<LoadedLibrary>>& LoadedLibrary::all() {
    static auto* const libraries = new std::vector<std::unique_ptr<LoadedLibrary>>;
    return *libraries;
}

const LoadedLibrary* LoadedLibrary::of(const FileIdentity& identity) noexcept {
    for (const std::unique_ptr<LoadedLibrary>& library : all()) {
        if (library->identity_ == identity) return library.get();
    }
    return nullptr;
}

const LoadedLibrary& LoadedLibrary::load(const std::filesystem::path& file, const FileIdentity& identity, ElfFile& elf) {
    std::size_t of_path = 0;
    bool was_overwritten = false;
    for (const std::unique_ptr<LoadedLibrary>& library : all()) {
        const bool is_same_file = library->identity_.is_same_file(identity);
        was_overwritten = was_overwritten || is_same_file;
        if (is_same_file || library->file_ == file) ++of_path;
    }
    if (of_path > 0 && elf.has_unique_symbols()) {
        fail_to_load(
            file,
            "was replaced, and can't be loaded beside what is loaded of it: its GNU_UNIQUE symbols would be those of the "
            "old one; build it with modapi_add_module, or with -fno-gnu-unique, or restart the server");
    }
    if (was_overwritten) {
        const CopyOfLibrary copy(file, of_path);
        return open(file, copy.name(), identity, elf);
    }
    return open(file, other_spelling(file, of_path), identity, elf);
}

const LoadedLibrary& LoadedLibrary::open(const std::filesystem::path& file, const std::filesystem::path& name,
                                         const FileIdentity& identity, ElfFile& elf) {
    const bool is_copy = name.filename() != file.filename();
    all().push_back(std::unique_ptr<LoadedLibrary>(new LoadedLibrary(file, identity)));
    LoadedLibrary& opened = *all().back();
    opened.symbols_ = elf.exported();
    opened.identity_.modified_ns = -1;  // until all went well nobody is given it
    std::string failure;
    try {
        opened.handle_ = open_library(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    } catch (...) {
        failure = "a static object of it failed: " + callbacks::message_of(std::current_exception());
        release_loader_lock();
        // It is loaded all the same, and called when the program ends.
        opened.handle_ = open_library(name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    }
    if (opened.handle_ == nullptr && failure.empty()) {
        const char* const reason = ::dlerror();
        all().pop_back();
        fail_to_load(file, std::string("can't be loaded: ") + (reason != nullptr ? reason : "the loader doesn't say why") +
                               "; rebuild it against this server's headers");
    }
    const std::filesystem::path version = name == file ? file : std::filesystem::path(name_of_version(file, identity));
    if (opened.handle_ != nullptr) module_code::note_library(version, opened.handle_);
    const bool is_held = hold(file, identity);
    if (opened.handle_ != nullptr && is_held && !is_copy) keep_in_memory(opened.handle_);  // a copy is nobody else's
    if (!failure.empty()) fail_to_load(file, "can't be loaded: " + failure);
    if (!is_held) {
        opened.identity_ = identity_of(file);
        opened.identity_.modified_ns = -1;
        fail_to_load(file, "was written while it was loaded; try again");
    }
    opened.identity_ = identity;
    return opened;
}

const ModuleDefinition& LoadedLibrary::definition(const std::string& symbol) const {
    const void* const found = ::dlsym(handle_, symbol.c_str());
    if (found == nullptr) fail_to_load(file_, "doesn't give its symbol " + symbol);
    return *static_cast<const ModuleDefinition*>(found);
}

}  // namespace modapi
