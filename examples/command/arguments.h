#pragma once

#include "command.h"

#include <callbacks/contract_words.h>
#include <callbacks/event.h>
#include <callbacks/identifiers.h>
#include <callbacks/json.h>
#include <callbacks/media.h>
#include <callbacks/presence.h>
#include <callbacks/users.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// What a callback is called with, from the words of a command line.
namespace command {

/// A file of this machine, as modules read it.
class FileOnDisk final : public callbacks::ReadableFileWrapper {
public:
    /// Errors: Failure for one that can't be read.
    explicit FileOnDisk(std::string path);
    async::task<std::span<const std::byte>> read_chunk() override;
    const std::string& path() const noexcept override { return path_; }

private:
    std::string path_;
    std::ifstream input_;
    std::vector<std::byte> chunk_;
};

/// What stands for a parameter of this type until the callback is called.
template <class T>
using HeldArgument = std::conditional_t<std::is_same_v<T, callbacks::ReadableFileWrapper>, FileOnDisk, T>;

template <class T>
inline constexpr bool is_read_from_file = std::is_same_v<T, callbacks::Event> || std::is_same_v<T, callbacks::StateMap>;
/// Types whose words are what they say; those of others are JSON.
template <class T>
inline constexpr bool is_plain_text =
    std::is_same_v<T, std::string> || std::is_same_v<T, callbacks::RoomAlias> ||
    std::is_same_v<T, callbacks::ReadableFileWrapper> || std::is_same_v<T, std::optional<std::string>>;

// From JSON, by the names that the contract has for members. Errors: Failure without a place, "must be a string".
void read_json(const callbacks::JsonValue& json, bool& into);
void read_json(const callbacks::JsonValue& json, std::int64_t& into);
void read_json(const callbacks::JsonValue& json, std::string& into);
void read_json(const callbacks::JsonValue& json, callbacks::JsonDict& into);
void read_json(const callbacks::JsonValue& json, callbacks::UserProfile& into);
void read_json(const callbacks::JsonValue& json, callbacks::ProfileInfo& into);
void read_json(const callbacks::JsonValue& json, callbacks::UserPresenceState& into);
void read_json(const callbacks::JsonValue& json, callbacks::FileInfo& into);
template <class First, class Second>
void read_json(const callbacks::JsonValue& json, std::pair<First, Second>& into);
template <class T>
void read_json(const callbacks::JsonValue& json, std::optional<T>& into) {
    if (!json.is_null()) read_json(json, into.emplace());
}
template <class T>
void read_json(const callbacks::JsonValue& json, std::vector<T>& into) {
    if (!json.is_array()) throw Failure("must be a list");
    for (const callbacks::JsonValue& item : json.get_array()) read_json(item, into.emplace_back());
}
template <class First, class Second>
void read_json(const callbacks::JsonValue& json, std::pair<First, Second>& into) {
    if (!json.is_array() || json.get_array().size() != 2) throw Failure("must be a list of two");
    read_json(json.get_array()[0], into.first);
    read_json(json.get_array()[1], into.second);
}
template <class T>
T from_json(const callbacks::JsonValue& json) {
    T value{};
    read_json(json, value);
    return value;
}
template <>
callbacks::Requester from_json(const callbacks::JsonValue& json);
template <>
callbacks::MediaUploadLimit from_json(const callbacks::JsonValue& json);

/// The words of one command line, taken one after another.
class GivenArguments {
public:
    /// `words`: without what the options say.
    GivenArguments(std::vector<std::string> words, std::optional<std::string> event, std::optional<std::string> state)
        : words_(std::move(words)), event_(std::move(event)), state_(std::move(state)) {}

    /// Errors: Failure, if this isn't what these parameters need: so many words, an event.
    void require(std::size_t words, bool event, bool state) const;
    /// The argument of the next parameter. Errors: Failure that says which word isn't what it must be.
    template <class T>
    HeldArgument<T> next() {
        if constexpr (std::is_same_v<T, callbacks::Event>) {
            return event();
        } else if constexpr (std::is_same_v<T, callbacks::StateMap>) {
            return state();
        } else if constexpr (is_plain_text<T>) {
            const std::string& word = words_.at(taken_++);
            if constexpr (std::is_same_v<T, std::optional<std::string>>) {
                return word == "null" ? std::nullopt : T(word);
            } else {
                return HeldArgument<T>(word);
            }
        } else {
            try {
                return from_json<T>(json_of(words_.at(taken_++)));
            } catch (const std::exception& error) {
                throw wrong_word(callbacks::contract_word<T>(), error.what());
            }
        }
    }

private:
    [[nodiscard]] static callbacks::JsonValue json_of(const std::string& word);
    [[nodiscard]] Failure wrong_word(const std::string& wanted, const std::string& why) const;
    [[nodiscard]] callbacks::Event event() const;
    /// Empty, if no file has it.
    [[nodiscard]] callbacks::StateMap state() const;

    std::vector<std::string> words_;
    std::optional<std::string> event_;
    std::optional<std::string> state_;
    std::size_t taken_ = 0;
};

}  // namespace command
