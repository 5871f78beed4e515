#include "yaml_document.h"

#include "yaml_characters.h"

#include <modapi/hosting/configuration.h>

#include <yaml.h>

#include <map>
#include <new>
#include <optional>
#include <utility>

namespace modapi {

namespace {

/// libyaml's parser over a text that outlives it.
class YamlParser {
public:
    YamlParser(std::string_view text, const std::string& name) : name_(name) {
        if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
        // Said, so that it doesn't look for an encoding: the text is known to be UTF-8.
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    }
    YamlParser(const YamlParser&) = delete;
    YamlParser& operator=(const YamlParser&) = delete;
    ~YamlParser() { yaml_parser_delete(&parser_); }

    /// Fills what the caller has to delete.
    void next_event(yaml_event_t& event) {
        if (yaml_parser_parse(&parser_, &event) == 0) fail();
    }
    void next_token(yaml_token_t& token) {
        if (yaml_parser_scan(&parser_, &token) == 0) fail();
    }

private:
    [[noreturn]] void fail() const {
        if (parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
        const std::string problem = parser_.problem != nullptr ? parser_.problem : "unknown error";
        const std::string context = parser_.context != nullptr ? std::string(parser_.context) + ", " : std::string();
        fail_at_line(name_, static_cast<int>(parser_.problem_mark.line) + 1, "isn't YAML: " + context + problem);
    }

    const std::string& name_;
    yaml_parser_t parser_{};
};

/// Deletes an event however the reading of it ends.
struct YamlEvent {
    YamlEvent() = default;
    YamlEvent(const YamlEvent&) = delete;
    YamlEvent& operator=(const YamlEvent&) = delete;
    ~YamlEvent() { yaml_event_delete(&event); }

    [[nodiscard]] int line() const { return static_cast<int>(event.start_mark.line) + 1; }

    yaml_event_t event{};
};

struct YamlToken {
    YamlToken() = default;
    YamlToken(const YamlToken&) = delete;
    YamlToken& operator=(const YamlToken&) = delete;
    ~YamlToken() { yaml_token_delete(&token); }

    yaml_token_t token{};
};

std::string text_of(const yaml_char_t* text) {
    return text != nullptr ? std::string(reinterpret_cast<const char*>(text)) : std::string();
}

/// libyaml takes a tab between two tokens for a space where the readers that files were written for refuse it.
void refuse_tabs_between_tokens(std::string_view text, const std::string& name) {
    YamlParser parser(text, name);
    YamlCursor cursor(text);
    while (true) {
        YamlToken token;
        parser.next_token(token.token);
        bool in_comment = false;
        while (cursor.index() < token.token.start_mark.index && !cursor.at_end()) {
            const char32_t character = cursor.take().value_or(U' ');
            if (is_yaml_line_break(character)) in_comment = false;
            if (character == U'#') in_comment = true;
            if (character == U'\t' && !in_comment)
                fail_at_line(name, cursor.line(), "isn't YAML: a tab stands where only spaces may");
        }
        if (token.token.type == YAML_STREAM_END_TOKEN) return;
        while (cursor.index() < token.token.end_mark.index && !cursor.at_end()) static_cast<void>(cursor.take());
    }
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
            node.is_plain = scalar.plain_implicit != 0;
            node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
            // YAML 1.1's `!` in front of a quoted text says that it isn't to be taken for text.
            if (node.is_plain && scalar.style != YAML_PLAIN_SCALAR_STYLE)
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
    if (text.find('\t') != std::string_view::npos) refuse_tabs_between_tokens(text, name);
    return document;
}

}  // namespace modapi
