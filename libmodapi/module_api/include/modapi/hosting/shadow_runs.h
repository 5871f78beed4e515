#pragma once

#include <async/context.h>
#include <async/scope.h>
#include <async/shadowed_run.h>

#include <memory>
#include <span>
#include <string_view>

namespace modapi {

/// The runs of a worker's callbacks in shadow mode. They have an environment of their own, so that what isn't a coroutine finds
/// out too whether such a run has called it.
///
/// Thread: the worker's. Lifetime: that of the environment it is made from; the scope was joined before it is destroyed.
class ShadowRuns final : private async::chain_observer {
public:
    explicit ShadowRuns(const async::environment& where);

    /// Where they begin.
    [[nodiscard]] async::scope& scope() noexcept { return *scope_; }
    /// Runs begin in another one from now on. What is returned has those that have begun, and is joined before it is destroyed, which
    /// is before this is.
    [[nodiscard]] std::unique_ptr<async::scope> begin_another_scope();
    /// The run that is on the stack; null: none.
    [[nodiscard]] async::shadowed_run* on_stack() const noexcept { return on_stack_; }

private:
    void resumed(const async::context& here) noexcept override;
    void suspended() noexcept override;
    void began_elsewhere(const async::context& here) noexcept override;
    void ended_elsewhere() noexcept override;

    async::chain_observer* further_;  // of the environment that this one is made from; null: none
    async::environment where_;
    async::shadowed_run* on_stack_ = nullptr;
    std::unique_ptr<async::scope> scope_;
};

/// A member of ModuleApi, or of what it hands out, and whether it changes something that isn't the module's own.
struct ModuleApiMember {
    std::string_view name;  ///< `create_room`, `account_data_manager.put_global`
    bool changes;           ///< a run in shadow mode can't use it
};
/// All of them, in the order of their declaration. Of run_db_interaction: it reads there, and what it writes is refused.
[[nodiscard]] std::span<const ModuleApiMember> module_api_members() noexcept;

/// For whatever changes something. Errors: ShadowedChange in a run in shadow mode, which is counted and told.
void refuse_in_shadow(const async::context& here, std::string_view member);
/// Likewise; null: no run in shadow mode has called.
void refuse_in_shadow(async::shadowed_run* run, std::string_view member);

}  // namespace modapi
