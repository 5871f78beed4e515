#pragma once

#include <callbacks/json.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

/// The keys from a document's root to a value, list indices as decimal numbers: `{"modules", "1", "config", "audit_room"}`.
using ConfigurationPath = std::vector<std::string>;

/// Something is wrong with a host's configuration. what() is the whole line an operator sees:
/// `homeserver.yaml:12: modules[1].config.audit_room: is required (module account_data_audit.CustomAccountDataModule)`.
class ConfigurationError : public std::runtime_error {
public:
    explicit ConfigurationError(const std::string& line, std::string module = {}, std::string callback = {})
        : std::runtime_error(line),
          module_(std::make_shared<const std::string>(std::move(module))),
          callback_(std::make_shared<const std::string>(std::move(callback))) {}
    /// The name of the module that it is about; empty: none.
    [[nodiscard]] const std::string& module() const noexcept { return *module_; }
    /// Which of the module's functions failed, `start` or `ready`; empty: none of them.
    [[nodiscard]] const std::string& callback() const noexcept { return *callback_; }

private:
    std::shared_ptr<const std::string> module_;
    std::shared_ptr<const std::string> callback_;
};

/// A host's configuration: a YAML file, or several, as JSON with the place of every value, or settings that the program makes itself.
///
/// Files are YAML 1.1 and mean what Python's `yaml.safe_load` takes them for (`yes` is a boolean, `<<` merges, everything
/// quoted is text), or they are refused: libmodapi/docs/configuration.md has the table.
/// Errors: ConfigurationError with file and line for a file that isn't UTF-8 or can't be parsed, what JSON can't say (a date,
/// an integer of more than 64 bits, a key that is neither text nor a whole number, a tag of another type), a second document,
/// a duplicate key, a root that is no mapping, nesting deeper than 64 levels, or aliases and merges that grow the document
/// beyond a million values; with the file alone for one that can't be read.
class ConfigurationFile {
public:
    /// `file` is named in messages as it is given here.
    [[nodiscard]] static ConfigurationFile load(const std::filesystem::path& file);
    /// Several files as one: what a later one has at its top level takes the place of what earlier ones have under the same key, as a
    /// whole. An error is one of the file that its key stands in; about a key that none of them has, of the first. Errors:
    /// std::invalid_argument for no file at all.
    [[nodiscard]] static ConfigurationFile load(const std::vector<std::filesystem::path>& files);
    /// Reads a document from memory; `name` stands for the file in messages.
    [[nodiscard]] static ConfigurationFile parse(std::string_view yaml, std::string name);
    /// Settings from code. Messages about them have no file and no line: `modules[1].config.audit_room: is required`.
    [[nodiscard]] static ConfigurationFile of(callbacks::JsonDict root);

    [[nodiscard]] const callbacks::JsonDict& root() const noexcept { return root_; }
    /// As messages name it, the first of several; empty: there is no file.
    [[nodiscard]] const std::string& name() const noexcept { return names_.front(); }
    /// Those of all files, in their order.
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
    /// The file that the value at `path` stands in; that of a key which is nowhere is the first.
    [[nodiscard]] const std::string& name_of(const ConfigurationPath& path) const;
    /// What the path of a file or a folder means that is written at `place`: a relative one counts from the folder of the file that
    /// it stands in.
    [[nodiscard]] std::filesystem::path located(const ConfigurationPath& place, const std::filesystem::path& written) const;
    /// The value at `path`; null if there is none.
    [[nodiscard]] const callbacks::JsonValue* find(const ConfigurationPath& path) const;
    /// The line where the value at `path` begins (that of its key in a mapping), or that of the nearest thing above it that
    /// exists. From 1.
    [[nodiscard]] int line_of(const ConfigurationPath& path) const;
    /// `FILE:LINE: modules[1].config.audit_room: message`. Without a path: `FILE:LINE: message`. Of settings from code: what
    /// stands behind the line.
    [[nodiscard]] std::string describe(const ConfigurationPath& path, std::string_view message) const;
    /// Throws the ConfigurationError of that line; `module` is the name of the module that it is about, if there is one.
    [[noreturn]] void fail(const ConfigurationPath& path, std::string_view message, std::string module = {},
                           std::string callback = {}) const;

private:
    ConfigurationFile(std::string name, callbacks::JsonDict root, std::map<ConfigurationPath, int> lines);
    /// What `later` has takes the place of what is here.
    void replace_by(ConfigurationFile later);

    std::vector<std::string> names_;
    callbacks::JsonDict root_;
    std::map<ConfigurationPath, int> lines_;
    std::map<std::string, std::size_t, std::less<>> files_;  ///< of top-level keys, by the number of the file; 0 isn't written down
};

}  // namespace modapi
