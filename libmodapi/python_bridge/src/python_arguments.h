#pragma once

#include "python_calls.h"
#include "python_values.h"

#include <callbacks/event.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace modapi {

/// What a callback's call is about, seen before its arguments are put down: one of them may say something of another.
struct PythonSubject {
    void note(const callbacks::Event& argument) noexcept { event = &argument; }
    void note(const callbacks::StateMap& argument) { room_version = room_version_of(argument); }
    template <class Other>
    void note(const Other&) noexcept {}

    const callbacks::Event* event = nullptr;    ///< outlives this; null: it is about none
    std::optional<std::string> room_version{};  ///< none: nobody knows it here
};

/// The arguments of one call of a callback, as the process is told them.
///
/// Keeps the states of rooms that are among them for the process to look into until this is destroyed, and knows which
/// arguments the callback may change. Lifetime: what was added outlives it.
class PythonArguments {
public:
    PythonArguments(std::shared_ptr<PythonCalls> calls, PythonSubject subject, bool freezes_events)
        : calls_(std::move(calls)), subject_(std::move(subject)), freezes_events_(freezes_events) {}
    ~PythonArguments() { drop_states(); }
    PythonArguments(PythonArguments&& other) noexcept;
    PythonArguments& operator=(PythonArguments&&) = delete;

    template <class T>
    void add(const T& argument) {
        values_.push_back(to_python(argument));
    }
    void add(const callbacks::Event& event);
    void add(const callbacks::StateMap& state);
    /// JSON that the callback may change, unlike `const JsonDict&`.
    void add_mutable(callbacks::JsonDict& json);

    [[nodiscard]] callbacks::JsonArray take_values() noexcept { return std::move(values_); }
    /// Puts into place what the callback has changed. Errors: WrongPythonValue; then nothing is changed.
    void take_changes(const callbacks::JsonDict& changed);

private:
    void drop_states() noexcept;
    [[nodiscard]] callbacks::JsonArray known_of(const callbacks::StateMap& state) const;

    std::shared_ptr<PythonCalls> calls_;
    PythonSubject subject_;
    bool freezes_events_;
    callbacks::JsonArray values_{};
    std::vector<std::int64_t> states_{};
    std::vector<std::pair<std::size_t, callbacks::JsonDict*>> may_change_{};
};

}  // namespace modapi
