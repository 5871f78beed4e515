#include <modapi/hosting/inspector_page.h>

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace modapi {

namespace {

constexpr std::string_view page_name = "index.html";

// Opaque as the page's origin is, 'self' means where it was loaded from. Nothing else is ever loaded; nobody may show it in a frame.
constexpr const char* content_security_policy =
    "sandbox allow-scripts allow-forms; default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

constexpr std::array<std::pair<std::string_view, const char*>, 4> types = {{{".html", "text/html; charset=utf-8"},
                                                                            {".js", "text/javascript; charset=utf-8"},
                                                                            {".css", "text/css; charset=utf-8"},
                                                                            {".svg", "image/svg+xml"}}};

/// The folder of the library that this is part of.
std::filesystem::path own_folder() {
    Dl_info info{};
    static const char here = 0;
    if (::dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return {};
    std::error_code unknown;
    const std::filesystem::path library = std::filesystem::canonical(info.dli_fname, unknown);
    return unknown ? std::filesystem::path() : library.parent_path();
}

std::filesystem::path usual_folder() {
    const std::filesystem::path folder = own_folder();
    std::string looked_in;
    for (const char* const place : {MODAPI_INSPECTOR_FILES, "../share/modapi/inspector"}) {
        const std::filesystem::path candidate = (folder / place).lexically_normal();
        std::error_code unknown;
        if (std::filesystem::is_regular_file(candidate / page_name, unknown)) return candidate;
        looked_in += (looked_in.empty() ? "" : " nor in ") + candidate.string();
    }
    throw std::runtime_error("the inspector's files are neither in " + looked_in +
                             "; install the framework with them (cmake --install)");
}

std::string content_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream content;
    content << stream.rdbuf();
    if (!stream) throw std::runtime_error("the inspector's file " + file.string() + " can't be read");
    return std::move(content).str();
}

void replace_each(std::string& text, std::string_view placeholder, const std::string& value) {
    for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at + value.size()))
        text.replace(at, placeholder.size(), value);
}

/// FNV-1a: tells versions of a file apart, and keeps nobody from anything.
std::string tag_of(std::string_view content) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char byte : content) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
    std::array<char, 24> text{};
    const int size = std::snprintf(text.data(), text.size(), "\"%016llx\"", static_cast<unsigned long long>(hash));
    return {text.data(), static_cast<std::size_t>(size)};
}

/// `If-None-Match`: a list of tags, each perhaps weak, or `*`.
bool has_tag(std::string_view list, std::string_view tag) { return list == "*" || list.find(tag) != std::string_view::npos; }

Response with_headers(int status, const std::string& type, const std::string& tag) {
    Response response;
    response.status = status;
    response.headers = {{"Content-Type", type},
                        {"ETag", tag},
                        {"Cache-Control", "no-cache"},  // is kept, and asked for with its tag each time
                        {"Content-Security-Policy", content_security_policy},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"},
                        // The page's own scripts are modules, which its opaque origin may load by this alone.
                        {"Access-Control-Allow-Origin", "*"}};
    return response;
}

}  // namespace

InspectorPage::InspectorPage(const InspectorPaths& paths) : InspectorPage(usual_folder(), paths) {}

InspectorPage::InspectorPage(const std::filesystem::path& folder, const InspectorPaths& paths) {
    std::error_code failure;
    for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(folder, failure))
        add(entry.path(), paths);
    if (failure) throw std::runtime_error("the inspector's folder " + folder.string() + ": " + failure.message());
    if (!files_.contains(page_name))
        throw std::runtime_error("the inspector's folder " + folder.string() + " has no " + std::string(page_name));
}

void InspectorPage::add(const std::filesystem::path& file, const InspectorPaths& paths) {
    const auto type =
        std::find_if(types.begin(), types.end(), [&](const auto& known) { return known.first == file.extension().string(); });
    if (type == types.end()) return;
    File added;
    added.type = type->second;
    added.content = content_of(file);
    if (file.filename() == page_name) {
        replace_each(added.content, "@ADMIN@", escaped_html(paths.admin));
        replace_each(added.content, "@CLIENT@", escaped_html(paths.client));
    }
    added.tag = tag_of(added.content);
    files_.insert_or_assign(file.filename().string(), std::move(added));
}

Response InspectorPage::answer(const Request& request, std::string_view name) const {
    const auto found = files_.find(name.empty() ? page_name : name);
    if (found == files_.end()) {
        const callbacks::SynapseError unknown(404, "The inspector has no such file", callbacks::Codes::NOT_FOUND);
        return json_response(unknown.status(), unknown.body());
    }
    const File& file = found->second;
    const bool is_known = has_tag(request.header("If-None-Match").value_or(""), file.tag);
    Response response = with_headers(is_known ? 304 : 200, file.type, file.tag);
    if (!is_known) response.body = file.content;
    return response;
}

}  // namespace modapi
