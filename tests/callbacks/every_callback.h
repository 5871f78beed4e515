#pragma once

#include <callbacks/dispatchers.h>

#include <async/task.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Every declared callback without its types: what a test says of all of them is then compiled once, and not for each.
namespace samples {

/// A module whose callbacks all do the same.
class Module {
public:
    virtual ~Module() = default;
    /// What each does before it answers. None: it answers so that the walk goes on; a number: with the decision that has it.
    virtual async::task<std::optional<int>> decide() = 0;
    [[nodiscard]] virtual bool changes_arguments() const { return false; }
};

/// What the operation gets from all modules together. Where a callback answers nothing, that is neutral and nobody's.
struct Combined {
    bool is_neutral = true;
    std::array<bool, 3> is_decision{};  ///< whether it is the one with this number
    bool is_denial = false;             ///< whether it is the one that limits answer with for a module that failed
    std::string text = "nothing";       ///< as a log says it

    [[nodiscard]] bool matches(std::optional<int> decision) const {
        return decision ? is_decision.at(static_cast<std::size_t>(*decision)) : is_neutral;
    }
};

/// One declared callback of a host, called with samples of its arguments.
class Callback {
public:
    /// Who is asked, by its combine rule.
    enum class Asks { only_the_first, until_one_decides, everybody };
    /// What a failure does, by its error rule.
    enum class OnFailure { walk_goes_on, propagates, becomes_500, forbids_the_room, is_a_module_failure };

    virtual ~Callback() = default;
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

    const std::string_view category;
    const std::string_view name;
    const Asks asks;
    const OnFailure on_failure;
    const bool has_answer;

    /// Registers it for a module, past what the contract forbids of a module's registration.
    virtual void add(std::string_view module_name, Module& module, async::dispatch_settings* settings) = 0;
    /// The callback outlives the task.
    [[nodiscard]] virtual async::task<Combined> call() = 0;
    /// Whether a module has changed an argument that it may change.
    [[nodiscard]] virtual bool has_changed_arguments() const = 0;
    virtual void each_registration(const std::function<void(const async::callback_identity&)>& visit) const = 0;

protected:
    Callback(std::string_view in_category, std::string_view has_name, Asks whom, OnFailure then, bool answers) noexcept
        : category(in_category), name(has_name), asks(whom), on_failure(then), has_answer(answers) {}
};

/// The dispatchers of a host, and each of them as a Callback.
class Host {
public:
    Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    [[nodiscard]] Callback& callback(std::string_view name) const;
    /// In the order of their declaration.
    [[nodiscard]] std::vector<std::string_view> names() const;
    /// Registers all callbacks of a category for a module, as a module does. False: none of them.
    [[nodiscard]] bool register_category(std::string_view category, std::string_view module_name, Module& module,
                                         async::dispatch_settings* settings, const callbacks::RulesOf& rules);

    callbacks::Dispatchers dispatchers;

private:
    std::vector<std::unique_ptr<Callback>> callbacks_;
};

}  // namespace samples
