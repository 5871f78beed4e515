#include "yaml_document.h"

#include "yaml_characters.h"
#include "yaml_parser.h"
#include "yaml_tokens.h"

#include <modapi/hosting/configuration.h>

#include <map>
#include <optional>
#include <utility>

namespace modapi {

namespace {

/// Deletes an event however the reading of it ends.
struct YamlEvent {
    YamlEvent() = default;
    YamlEvent(const YamlEvent&) = delete;
    YamlEvent& operator=(const YamlEvent&) = delete;
    ~YamlEvent() { yaml_event_delete(&event); }

    [[nodiscard]] int line() const { return static_cast<int>(event.start_mark.line) + 1; }

    yaml_event_t event{};
};

std::string text_of(const yaml_char_t* text) {
    return text != nullptr ? std::string(reinterpret_cast<const char*>(text)) : std::string();
}

/// Makes nodes of the parser's events.
class Composition {
public:
    Composition(std::string_view text, const std::string& name) : name_(name), parser_(text, name) {}

    YamlDocument compose() {
        bool is_second = false;
        while (true) {
            YamlEvent next;
            parser_.next_event(next.event);
            switch (next.event.type) {
                case YAML_STREAM_END_EVENT:
                    return std::move(document_);
                case YAML_DOCUMENT_START_EVENT:
                    is_second = document_.has_root;
                    break;
                case YAML_ALIAS_EVENT:
                case YAML_SCALAR_EVENT:
                case YAML_SEQUENCE_START_EVENT:
                case YAML_MAPPING_START_EVENT:
                    if (is_second) fail_at_line(name_, next.line(), "there is a second document in the file");
                    add(next);
                    break;
                case YAML_SEQUENCE_END_EVENT:
                case YAML_MAPPING_END_EVENT:
                    open_.pop_back();
                    break;
                default:
                    break;
            }
        }
    }

private:
    void add(const YamlEvent& next) {
        if (open_.size() > max_yaml_depth) fail_at_line(name_, next.line(), "nested too deeply");
        const std::size_t number = next.event.type == YAML_ALIAS_EVENT ? named(next) : made(next);
        if (open_.empty()) {
            document_.root = number;
            document_.has_root = true;
        } else {
            document_.nodes[open_.back()].children.push_back(number);
        }
        if (next.event.type == YAML_SEQUENCE_START_EVENT || next.event.type == YAML_MAPPING_START_EVENT)
            open_.push_back(number);
    }

    std::size_t named(const YamlEvent& next) const {
        const std::string anchor = text_of(next.event.data.alias.anchor);
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) fail_at_line(name_, next.line(), "isn't YAML: nothing above is named &" + anchor);
        return found->second;
    }

    std::size_t made(const YamlEvent& next) {
        YamlNode node;
        node.line = next.line();
        std::string anchor;
        if (next.event.type == YAML_SCALAR_EVENT) {
            const auto& scalar = next.event.data.scalar;
            anchor = text_of(scalar.anchor);
            node.tag = text_of(scalar.tag);
            // What stands behind a lone `!` is resolved, also if it is nothing.
            node.is_plain = scalar.plain_implicit != 0 || node.tag == "!";
            node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
            // `! "3"` would be the number.
            if (scalar.plain_implicit != 0 && scalar.style != YAML_PLAIN_SCALAR_STYLE)
                fail_at_line(name_, node.line, "the tag ! isn't supported before a quoted text");
        } else if (next.event.type == YAML_SEQUENCE_START_EVENT) {
            node.kind = YamlNode::Kind::SEQUENCE;
            anchor = text_of(next.event.data.sequence_start.anchor);
            node.tag = text_of(next.event.data.sequence_start.tag);
        } else {
            node.kind = YamlNode::Kind::MAPPING;
            anchor = text_of(next.event.data.mapping_start.anchor);
            node.tag = text_of(next.event.data.mapping_start.tag);
        }
        if (node.tag == "!") node.tag.clear();
        const std::size_t number = document_.nodes.size();
        if (!anchor.empty()) {
            const auto [first, is_new] = anchors_.emplace(anchor, number);
            if (!is_new) {
                const int first_line = document_.nodes[first->second].line;
                fail_at_line(name_, node.line,
                             "the name &" + anchor + " is given twice, first in line " + std::to_string(first_line));
            }
        }
        document_.nodes.push_back(std::move(node));
        return number;
    }

    const std::string& name_;
    YamlParser parser_;
    YamlDocument document_;
    std::map<std::string, std::size_t> anchors_;
    /// The lists and mappings that aren't complete, from the outside in.
    std::vector<std::size_t> open_;
};

}  // namespace

std::string on_one_line(std::string_view text) {
    std::string line(text);
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return line;
}

void fail_at_line(const std::string& name, int line, std::string_view message) {
    throw ConfigurationError(name + ":" + std::to_string(line) + ": " + on_one_line(message));
}

YamlDocument read_yaml_document(std::string_view text, const std::string& name) {
    if (const std::optional<YamlTextError> error = find_yaml_text_error(text)) fail_at_line(name, error->line, error->message);
    Composition composition(text, name);
    YamlDocument document = composition.compose();
    // Afterwards: of a text that can't be parsed anyway, the parser says more.
    refuse_looser_tokens(text, name);
    return document;
}

}  // namespace modapi
