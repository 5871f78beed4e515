#pragma once

#include "yaml_document.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace modapi {

/// How many values a document may have after its aliases and merges are followed: few lines of them can stand for billions.
class YamlBudget {
public:
    explicit YamlBudget(const std::string& name) : name_(name) {}
    /// Errors: ConfigurationError at `line` when the millionth is passed.
    void spend_one(int line);

private:
    const std::string& name_;
    std::size_t values_ = 0;
};

struct YamlEntry {
    std::string key;
    int line = 1;            ///< of the key
    bool is_number = false;  ///< whether YAML takes the key for one: 1 and "1" are two keys there
    std::size_t value = 0;
};

/// What keys a mapping has: its own and those that its merge keys (`<<`) bring.
class YamlEntries {
public:
    YamlEntries(const YamlDocument& document, const std::string& name, YamlBudget& budget)
        : document_(document), name_(name), budget_(budget) {}

    /// In order, each key once: what is merged comes first, and is replaced in its place by the mapping's own. Of a list of
    /// mappings to merge the first one counts most, of several merge keys the last one, and of what a mapping merges itself
    /// least.
    /// Errors: ConfigurationError with the line, for a key of the mapping's own that is there twice (readers of YAML 1.1 take
    /// the last one and say nothing), a key that is no text (whole numbers in their usual form are), a number that is merged
    /// with a text of the same digits, and a merge of what is no mapping.
    [[nodiscard]] std::vector<YamlEntry> of(const YamlNode& mapping);

private:
    using Places = std::map<std::string, std::size_t, std::less<>>;

    void add_entries_of(const YamlNode& mapping, int depth, std::vector<YamlEntry>& entries, Places& places);
    void add_merged(const YamlNode& key, const YamlNode& value, int depth, std::vector<YamlEntry>& entries, Places& places);
    void add_mapping_to_merge(const YamlNode& key, const YamlNode& source, int depth, std::vector<YamlEntry>& entries,
                              Places& places);
    [[nodiscard]] std::string text_of_key(const YamlNode& key) const;

    const YamlDocument& document_;
    const std::string& name_;
    YamlBudget& budget_;
};

}  // namespace modapi
