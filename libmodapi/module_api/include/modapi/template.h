#pragma once

#include <callbacks/json.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace modapi {

/// No folder has a template of that name. what() names it and the folders.
class TemplateNotFound : public std::runtime_error {
public:
    TemplateNotFound(std::string name, const std::vector<std::filesystem::path>& folders);
    /// The file's name as it was asked for.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
};

/// A file can't be read or is no template, or can't be rendered. what() is `FILE: REASON`.
class TemplateError : public std::runtime_error {
public:
    TemplateError(const std::string& file, const std::string& reason) : std::runtime_error(file + ": " + reason) {}
};

/// A mustache template: `{{name}}`, `{{{name}}}`, `{{a.b}}`, `{{#list}}...{{/list}}`, `{{^list}}...{{/list}}`, `{{! comment
/// }}`.
///
/// In files whose names end in `.html`, `.htm` or `.xml`, `{{name}}` escapes what HTML would read otherwise; in others nothing
/// is escaped. Partials (`{{> file}}`) aren't there: a TemplateError. Copies share the parsed text. Thread: one at a time.
class Template {
public:
    /// `file` is named in errors, and its ending decides whether values are escaped. Errors: TemplateError.
    Template(std::string file, const std::string& text);

    /// Fills in `values`: a name that isn't there, null, true and false write nothing, a number is written as in JSON. A
    /// section is left out for a name that isn't there, null, false and an empty list. Errors: TemplateError.
    [[nodiscard]] std::string render(const callbacks::JsonDict& values) const;

    /// Where it was read from.
    [[nodiscard]] const std::string& file() const noexcept { return file_; }

private:
    struct Parsed;

    std::string file_;
    std::shared_ptr<Parsed> parsed_;
};

/// Reads each file from the first of the folders that has it. Errors: TemplateNotFound, TemplateError. Blocks.
[[nodiscard]] std::vector<Template> read_templates(const std::vector<std::string>& names,
                                                   const std::vector<std::filesystem::path>& folders);

}  // namespace modapi
