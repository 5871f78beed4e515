#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace modapi {

/// The classes that a module library exports (MODAPI_MODULE), in alphabetical order, for programs that are given a file and no name.
/// Read from the file: nothing of it runs, nor is it loaded. ModuleResolver, with the library's folder as its path, finds each as
/// NAME_OF_THE_FILE.CLASS.
///
/// Errors: ModuleLoadError, as of ModuleResolver::find: the file isn't there, is no module library, was built for another host,
/// exports no class. Cost: reads the file's tables. Thread: any.
[[nodiscard]] std::vector<std::string> exported_classes(const std::filesystem::path& library);

}  // namespace modapi
