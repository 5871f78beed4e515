#pragma once

#include <modapi/web_resource.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace modapi {

/// Where the inspector's page finds what it shows; both may be relative to the address of the page itself, and are of the same origin.
struct InspectorPaths {
    std::string admin = "../v1";                       ///< `ADMIN/modules`, `ADMIN/modules/decisions`, ...
    std::string client = "../../../_matrix/client/v3";  ///< `CLIENT/login`, `CLIENT/logout`
};

/// The page on which operators watch modules (libmodapi/docs/inspecting.md): some files that the framework installs, read once, with
/// the headers that they are served with. A host serves `answer` at a path that ends with a slash, to anybody: the page holds no
/// data, and asks for them in the name of who logs in on it.
///
///     const modapi::InspectorPage inspector;
///     co_return inspector.answer(request, name);  // GET /_synapse/admin/modules/NAME, also with an empty NAME
///
/// Its scripts have an origin of their own (`Content-Security-Policy: sandbox`): other pages of the host, be they a module's, can't
/// reach the token that an admin gives it. So the host's data need CORS headers, as json_response has them, and answer OPTIONS.
///
/// Immutable: any thread. Cost: some 60 kB.
class InspectorPage {
public:
    /// Reads the files from where they were installed or built. Errors: std::runtime_error, which names the folders that have none.
    explicit InspectorPage(const InspectorPaths& paths = {});
    /// Reads those of a folder of the host's own.
    InspectorPage(const std::filesystem::path& folder, const InspectorPaths& paths);

    /// The file of that name, the page for an empty one; 304 for who has it already, 404 `M_NOT_FOUND` for any other name. `request` is
    /// a GET or a HEAD.
    [[nodiscard]] Response answer(const Request& request, std::string_view name) const;

private:
    struct File {
        std::string type;
        std::string content;
        std::string tag;
    };

    void add(const std::filesystem::path& file, const InspectorPaths& paths);

    std::map<std::string, File, std::less<>> files_;
};

}  // namespace modapi
