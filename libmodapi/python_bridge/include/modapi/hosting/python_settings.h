#pragma once

#include <modapi/config_section.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace modapi {

/// How modules that are written in Python run: the operator's section `python:`.
struct PythonSettings {
    static constexpr std::uint64_t usual_memory = 512ULL * 1024 * 1024;

    /// Reads the section. None: there is none, or `enabled` isn't true. Errors: callbacks::ConfigError with the place within
    /// it.
    [[nodiscard]] static std::optional<PythonSettings> of(const ConfigSection& section);

    /// Folders with packages, and virtual environments: searched in this order, behind Python's own library and before what the
    /// distribution has installed.
    std::vector<std::filesystem::path> path{};
    std::filesystem::path interpreter{"/usr/bin/python3"};
    /// The user that the processes run as, and not root; none: the host's own.
    std::optional<std::string> user{};
    /// Bytes that a process may have; beyond that it is ended and started anew.
    std::uint64_t memory = usual_memory;
    /// Files and folders beside `path` that modules may read, and those that they may write.
    std::vector<std::filesystem::path> readable{};
    std::vector<std::filesystem::path> writable{};
    /// What a parse_config or a constructor may take; then the start, or the change of modules, fails.
    std::chrono::milliseconds construction_limit{10'000};
    /// The folder with `modapi_bridge` and `synapse`; the host's program says where that is installed.
    std::filesystem::path folder{};
};

/// Where this library's build or installation has what `PythonSettings::folder` needs.
[[nodiscard]] std::filesystem::path python_bridge_folder();

}  // namespace modapi
