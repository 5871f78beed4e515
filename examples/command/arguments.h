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

/// From JSON, by the names that the contract has for members. Errors: Failure without a place, "must be a string".
template <class T>
T from_json(const callbacks::JsonValue& json);
template <>
bool from_json(const callbacks::JsonValue& json);
template <>
std::int64_t from_json(const callbacks::JsonValue& json);
template <>
std::string from_json(const callbacks::JsonValue& json);
template <>
callbacks::JsonDict from_json(const callbacks::JsonValue& json);
template <>
callbacks::Requester from_json(const callbacks::JsonValue& json);
template <>
callbacks::UserProfile from_json(const callbacks::JsonValue& json);
template <>
callbacks::ProfileInfo from_json(const callbacks::JsonValue& json);
template <>
callbacks::UserPresenceState from_json(const callbacks::JsonValue& json);
template <>
callbacks::FileInfo from_json(const callbacks::JsonValue& json);
template <>
callbacks::MediaUploadLimit from_json(const callbacks::JsonValue& json);

template <class T>
struct FromJson {
    static T read(const callbacks::JsonValue& json) { return from_json<T>(json); }
};
template <class T>
struct FromJson<std::optional<T>> {
    static std::optional<T> read(const callbacks::JsonValue& json) {
        return json.is_null() ? std::nullopt : std::optional<T>(FromJson<T>::read(json));
    }
};
template <class T>
struct FromJson<std::vector<T>> {
    static std::vector<T> read(const callbacks::JsonValue& json) {
        if (!json.is_array()) throw Failure("must be a list");
        std::vector<T> items;
        for (const callbacks::JsonValue& item : json.get_array()) items.push_back(FromJson<T>::read(item));
        return items;
    }
};
template <class First, class Second>
struct FromJson<std::pair<First, Second>> {
    static std::pair<First, Second> read(const callbacks::JsonValue& json) {
        if (!json.is_array() || json.get_array().size() != 2) throw Failure("must be a list of two");
        return {FromJson<First>::read(json.get_array()[0]), FromJson<Second>::read(json.get_array()[1])};
    }
};

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
                return FromJson<T>::read(json_of(words_.at(taken_++)));
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
