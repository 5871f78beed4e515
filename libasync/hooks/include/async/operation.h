#pragma once

#include <async/callback_frame.h>
#include <async/context.h>

#include <memory>

namespace async {

/// Something that a chain is in the middle of, and that code deeper in the chain may ask for: a plug-in's call back into its
/// host, work of the host's that plug-ins are asked about. They lie within each other.
///
///     class payment : public async::operation {
///     public:
///         explicit payment(const async::context& outer) noexcept : operation(outer) {}
///     };
///     payment paying(co_await async::this_context);
///     co_await std::move(body).in(paying.here());
///     // anywhere in body:
///     payment* const around = async::innermost<payment>(co_await async::this_context);
///
/// Lifetime: the context around it outlives it; it stays where it is and outlives what runs in it. Work that is started
/// elsewhere from within, in a scope for example, isn't inside: a root inherits nothing. Thread: that of the chain. Cost:
/// nothing where nobody asks.
class operation {
public:
    explicit operation(const context& outer) noexcept : outer_(innermost_of(outer)), inner_(outer) {
        layer_ = callback_layer::of(outer);
        layer_.inside = this;
        inner_.layer = &layer_;
    }
    virtual ~operation() = default;
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// What runs in this context is inside.
    [[nodiscard]] const context& here() const noexcept { return inner_; }
    /// The one that this one lies in; null: none.
    [[nodiscard]] operation* outer() const noexcept { return outer_; }

    /// What a run in shadow mode, which begins elsewhere, lies in because the call that began it lies in this; null: nothing.
    /// `root` outlives what is returned.
    [[nodiscard]] virtual std::unique_ptr<operation> carried_to([[maybe_unused]] const context& root) const { return nullptr; }

    /// The one that a chain is in the middle of; null: none.
    [[nodiscard]] static operation* innermost_of(const context& here) noexcept {
        return here.layer != nullptr ? static_cast<const callback_layer&>(*here.layer).inside : nullptr;
    }

protected:
    /// To be changed before anything runs in it.
    [[nodiscard]] context& inner() noexcept { return inner_; }

private:
    operation* outer_;
    context inner_;
    callback_layer layer_;
};

/// What the innermost operation that carries something along carries to `root`; null: none does.
[[nodiscard]] inline std::unique_ptr<operation> carried_from(const context& here, const context& root) {
    std::unique_ptr<operation> carried;
    for (const operation* around = operation::innermost_of(here); around != nullptr && carried == nullptr; around = around->outer())
        carried = around->carried_to(root);
    return carried;
}

/// The innermost operation of this type that a chain is in the middle of; null: none. Cost: one step for each operation.
template <class Operation>
[[nodiscard]] Operation* innermost(const context& here) noexcept {
    for (operation* around = operation::innermost_of(here); around != nullptr; around = around->outer()) {
        if (auto* const found = dynamic_cast<Operation*>(around)) return found;
    }
    return nullptr;
}

}  // namespace async
