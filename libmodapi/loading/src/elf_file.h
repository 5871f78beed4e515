#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// The file isn't a complete shared library of this machine. what() is one clause: "is truncated".
class ElfError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads what the loader would act on from a shared library, without running anything in it.
///
/// Every offset and size in the file is checked against its length: a damaged file is an ElfError, never a read out of bounds.
class ElfFile {
public:
    /// Errors: ElfError for a file that can't be read or is no 64-bit shared library for this processor.
    explicit ElfFile(const std::filesystem::path& file);

    /// The bytes of a section; none if there is no such section.
    [[nodiscard]] std::optional<std::string> section(std::string_view name);
    /// The libraries it needs (DT_NEEDED).
    [[nodiscard]] std::vector<std::string> needed();
    /// Names of the symbols it defines and exports.
    [[nodiscard]] std::vector<std::string> exported();
    /// Whether it exports symbols that a process has once, whoever defines them (STB_GNU_UNIQUE).
    [[nodiscard]] bool has_unique_symbols();

private:
    struct Section {
        std::string name;
        std::uint32_t type;
        std::uint32_t link;
        std::uint64_t offset;
        std::uint64_t size;
    };

    template <class T>
    T read(std::uint64_t offset);
    std::string bytes(std::uint64_t offset, std::uint64_t size);
    std::string contents(const Section& section);
    const Section* of_type(std::uint32_t type) const;
    /// Calls `visit(symbol, names)` for those that it defines and exports, with the table of their names.
    template <class Visit>
    void each_exported(const Visit& visit);
    std::string linked_strings(const Section& section);
    static std::string string_at(const std::string& table, std::uint64_t offset);

    std::ifstream input_;
    std::uint64_t size_ = 0;
    std::vector<Section> sections_;
};

}  // namespace modapi
