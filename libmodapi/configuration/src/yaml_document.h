#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

/// A place in a YAML document: a scalar, a list or a mapping, before anything is known about what it means.
struct YamlNode {
    enum class Kind { SCALAR, SEQUENCE, MAPPING };

    Kind kind = Kind::SCALAR;
    /// Written out (`tag:yaml.org,2002:str`, `!secret`); empty where none is written.
    std::string tag;
    /// Whether a scalar without a tag is to be resolved; what is quoted, or a block, is text.
    bool is_plain = false;
    std::string text;
    /// The items of a list; the keys and values of a mapping, by turns. A node that is named by an alias is in several places.
    std::vector<std::size_t> children;
    /// From 1.
    int line = 1;
};

/// The one document of a YAML text, read as YAML 1.1. Nodes refer to each other by their number: an alias that stands in what
/// it names makes a circle.
struct YamlDocument {
    std::vector<YamlNode> nodes;
    std::size_t root = 0;
    /// False for a text without any document: an empty one, or one of comments.
    bool has_root = false;
};

/// Nesting that no configuration has, and that nothing recursive need fear.
inline constexpr std::size_t max_yaml_depth = 64;

/// `name` stands for the file in messages. Errors: ConfigurationError with file and line for what isn't UTF-8, characters that
/// YAML doesn't allow, tabs between tokens, what can't be parsed, an alias of nothing, a name that is given twice, a second
/// document, and nesting deeper than max_yaml_depth.
[[nodiscard]] YamlDocument read_yaml_document(std::string_view text, const std::string& name);

/// Throws the ConfigurationError `FILE:LINE: message`, on one line whatever the message contains.
[[noreturn]] void fail_at_line(const std::string& name, int line, std::string_view message);

/// `text` on one line: control characters become spaces.
[[nodiscard]] std::string on_one_line(std::string_view text);

}  // namespace modapi
