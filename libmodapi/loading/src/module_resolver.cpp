#include <modapi/hosting/exported_classes.h>
#include <modapi/hosting/module_resolver.h>

#include "elf_file.h"
#include "loaded_library.h"
#include "recorded_interfaces.h"

#include <link.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

/// What this library itself is marked with (modapi_mark_headers).
extern "C" __attribute__((visibility("hidden"))) const char modapi_headers_mark[];

namespace modapi {

namespace {

// A library that has this section holds a copy of the framework. libasync and callbacks carry the same mark.
__attribute__((section(MODAPI_FRAMEWORK_SECTION), used)) constexpr char framework_mark[] = "libmodapi";

constexpr std::string_view symbol_prefix = "modapi_module_";
constexpr std::string_view framework_prefix = "libmodapi";
constexpr std::size_t max_shown_mark = 400;  // characters of a line

bool is_identifier(std::string_view name) {
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0) return false;
    return std::all_of(name.begin(), name.end(), [](unsigned char c) { return c == '_' || std::isalnum(c) != 0; });
}

/// File names of the framework's libraries that this process runs with.
std::set<std::string> running_framework() {
    std::set<std::string> names;
    const auto note = [](dl_phdr_info* loaded, std::size_t, void* into) {
        const std::string name = std::filesystem::path(loaded->dlpi_name).filename().string();
        if (name.starts_with(framework_prefix)) static_cast<std::set<std::string>*>(into)->insert(name);
        return 0;
    };
    dl_iterate_phdr(note, &names);
    return names;
}

std::string joined(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        if (!list.empty()) list += ", ";
        list += name;
    }
    return list;
}

/// The first of a library's marks that `is_taken` doesn't like; none: it likes all. There is one for each of its sources, with padding
/// between them.
template <class IsTaken>
std::optional<std::string> other_mark(const std::string& marks, const IsTaken& is_taken) {
    std::size_t at = 0;
    while ((at = marks.find_first_not_of('\0', at)) != std::string::npos) {
        std::string mark = marks.substr(at, marks.find('\0', at) - at);
        if (!is_taken(mark)) return mark.substr(0, max_shown_mark);
        at += mark.size();
    }
    return std::nullopt;
}

void check_mark(const std::filesystem::path& file, ElfFile& elf) {
    const std::optional<std::string> marks = elf.section(MODAPI_ABI_SECTION);
    if (!marks || marks->find_first_not_of('\0') == std::string::npos) {
        fail_to_load(file,
                     "is not a module library: it has no mark of the binary interface; export its class with MODAPI_MODULE");
    }
    const auto is_own = [](std::string_view mark) { return mark == MODAPI_ABI_STRING; };
    const std::optional<std::string> other = other_mark(*marks, is_own);
    if (!other) return;
    fail_to_load(file, "has another binary interface, \"" + *other +
                           "\", than this server, \"" MODAPI_ABI_STRING
                           "\"; rebuild it against this server's headers, with the same compiler and options");
}

void check_headers(const std::filesystem::path& file, ElfFile& elf) {
    const std::optional<std::string> marks = elf.section(MODAPI_HEADERS_SECTION);
    if (!marks || marks->find_first_not_of('\0') == std::string::npos) {
        fail_to_load(
            file, "doesn't say which headers it was built against; build it with modapi_add_module, which marks it with them");
    }
    const auto is_taken = [](std::string_view mark) { return takes_interface(mark, modapi_headers_mark, recorded_interfaces()); };
    const std::optional<std::string> other = other_mark(*marks, is_taken);
    if (!other) return;
    fail_to_load(file, "was built against other headers of the framework, " + *other + ", than this server, " +
                           modapi_headers_mark + "; rebuild it against this server's headers");
}

void check_framework(const std::filesystem::path& file, ElfFile& elf) {
    if (elf.section(MODAPI_FRAMEWORK_SECTION)) {
        fail_to_load(file, "brings its own copy of the framework; link it to the shared libraries (modapi::modapi) instead");
    }
    const std::set<std::string> running = running_framework();
    for (const std::string& library : elf.needed()) {
        const std::string name = std::filesystem::path(library).filename().string();
        if (!name.starts_with(framework_prefix) || running.contains(name)) continue;
        fail_to_load(file, "needs " + name + ", a framework library that this server doesn't run with (it has " +
                               joined({running.begin(), running.end()}) + "); rebuild it against this server's headers");
    }
}

/// Of the symbols that a library exports.
std::vector<std::string> classes_among(const std::vector<std::string>& symbols) {
    std::vector<std::string> classes;
    for (const std::string& symbol : symbols) {
        if (symbol.starts_with(symbol_prefix)) classes.push_back(symbol.substr(symbol_prefix.size()));
    }
    std::sort(classes.begin(), classes.end());
    return classes;
}

void check_export(const std::filesystem::path& file, const std::string& class_name, const std::vector<std::string>& symbols) {
    const std::vector<std::string> classes = classes_among(symbols);
    if (std::binary_search(classes.begin(), classes.end(), class_name)) return;
    if (classes.empty())
        fail_to_load(file, "exports no class; export " + class_name + " with MODAPI_MODULE(" + class_name + ")");
    fail_to_load(file, "has no class " + class_name + "; it has " + joined(classes));
}

void check_marks(const std::filesystem::path& file, ElfFile& elf) {
    check_mark(file, elf);
    check_headers(file, elf);
    check_framework(file, elf);
}

/// The library with what the file has now.
const LoadedLibrary& library_with(const std::filesystem::path& file, const std::string& class_name) {
    const FileIdentity identity = identity_of(file);
    if (const LoadedLibrary* const loaded = LoadedLibrary::of(identity)) {
        check_export(file, class_name, loaded->symbols());
        return *loaded;
    }
    try {
        ElfFile elf(file);
        check_marks(file, elf);
        check_export(file, class_name, elf.exported());
        return LoadedLibrary::load(file, identity, elf);
    } catch (const ElfError& error) {
        fail_to_load(file, error.what());
    }
}

}  // namespace

std::vector<std::string> exported_classes(const std::filesystem::path& library) {
    try {
        ElfFile elf(library);
        check_marks(library, elf);
        std::vector<std::string> classes = classes_among(elf.exported());
        if (classes.empty()) fail_to_load(library, "exports no class; export it with MODAPI_MODULE(CLASS)");
        return classes;
    } catch (const ElfError& error) {
        fail_to_load(library, error.what());
    }
}

ModuleResolver::ModuleResolver(std::vector<std::filesystem::path> module_path) : module_path_(std::move(module_path)) {}
ModuleResolver::~ModuleResolver() = default;

void ModuleResolver::add(std::string name, ModuleDefinition definition) {
    compiled_in_.insert_or_assign(std::move(name), std::make_shared<const ModuleDefinition>(std::move(definition)));
}

void ModuleResolver::add_last_resort(std::shared_ptr<ModuleLoader> loader) {
    if (loader == nullptr) throw std::invalid_argument("add_last_resort: there is no loader");
    loaders_.push_back(std::move(loader));
}

FoundModule ModuleResolver::find(std::string_view name) {
    callbacks::JsonDict nothing;
    return find(name, nothing);
}

FoundModule ModuleResolver::find(std::string_view name, callbacks::JsonDict& further) {
    FoundModule found = look_for(name, further);
    found_.insert_or_assign(std::string(name), found);
    return found;
}

const ModuleDefinition& ModuleResolver::resolve(std::string_view name) { return *find(name).definition; }

FoundModule ModuleResolver::look_for(std::string_view name, callbacks::JsonDict& further) {
    FoundModule found;
    const auto compiled_in = compiled_in_.find(name);
    if (compiled_in != compiled_in_.end()) {
        found.definition = compiled_in->second;
        return found;
    }
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) {
        throw ModuleLoadError("must be the name of a library and of a class in it, as in my_module.MyModule");
    }
    const std::string library_name(name.substr(0, dot));
    const std::string class_name(name.substr(dot + 1));
    if (library_name.empty() || library_name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
        throw ModuleLoadError("\"" + library_name + "\" can't be the name of a library");
    }
    if (!is_identifier(class_name)) throw ModuleLoadError("\"" + class_name + "\" can't be the name of a class");

    found.library = file_of(library_name);
    if (!found.library.empty()) {
        const LoadedLibrary& library = library_with(found.library, class_name);
        const ModuleDefinition& definition = library.definition(std::string(symbol_prefix) + class_name);
        found.definition = {std::shared_ptr<const void>(), &definition};  // it stays as long as the process
        return found;
    }
    if (std::optional<FoundModule> by_loader = ask_loaders(name, further)) return *std::move(by_loader);
    refuse(name, library_name);
}

std::filesystem::path ModuleResolver::file_of(const std::string& library_name) const {
    for (const std::filesystem::path& folder : module_path_) {
        std::error_code unknown;
        const std::filesystem::path candidate = std::filesystem::absolute(folder, unknown) / (library_name + ".so");
        if (!std::filesystem::exists(candidate, unknown)) continue;
        if (!std::filesystem::is_regular_file(candidate, unknown)) fail_to_load(candidate, "is not a file");
        return candidate;
    }
    return {};
}

std::optional<FoundModule> ModuleResolver::ask_loaders(std::string_view name, callbacks::JsonDict& further) {
    for (const std::shared_ptr<ModuleLoader>& loader : loaders_) {
        std::optional<FoundModule> found = loader->find_entry(name, further);
        if (!found) continue;
        if (found->definition == nullptr) throw ModuleLoadError("was found by a loader that gives no definition of it");
        return found;
    }
    return std::nullopt;
}

void ModuleResolver::refuse(std::string_view name, const std::string& library_name) const {
    std::vector<std::string> folders;
    for (const std::filesystem::path& folder : module_path_) folders.push_back(folder.string());
    std::string message = "is neither compiled in, nor is there a " + library_name + ".so on the module path (" +
                          (folders.empty() ? std::string("which is empty") : joined(folders)) + ")";
    for (const std::shared_ptr<ModuleLoader>& loader : loaders_) message += ", and " + loader->missing(name);
    throw ModuleLoadError(message);
}

std::filesystem::path ModuleResolver::library_of(std::string_view name) const {
    const auto found = found_.find(name);
    return found != found_.end() ? found->second.library : std::filesystem::path();
}

}  // namespace modapi
