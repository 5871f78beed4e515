#include <async/callback_frame.h>

namespace async {

namespace {

// A frame's place and not the context that was resumed: that one may lie in operations which end while the callback goes on.
constinit thread_local const callback_place* on_stack [[gnu::tls_model("initial-exec")]] = nullptr;

}  // namespace

void running_callback_mark::resumed(const context& here) noexcept {
    const callback_place* const place = callback_layer::of(here).running;
    on_stack = place;
    identity_.store(place != nullptr ? place->identity() : nullptr, std::memory_order_relaxed);
}

void running_callback_mark::suspended() noexcept {
    on_stack = nullptr;
    identity_.store(nullptr, std::memory_order_relaxed);
}

// What the thread of the executor is doing remains as it is.
void running_callback_mark::began_elsewhere(const context& here) noexcept { on_stack = callback_layer::of(here).running; }

void running_callback_mark::ended_elsewhere() noexcept { on_stack = nullptr; }

const callback_place* running_callback_mark::on_this_thread() noexcept { return on_stack; }

void running_callback_mark::forget(const callback_place& ending) noexcept {
    if (on_stack == &ending) on_stack = nullptr;
}

}  // namespace async
