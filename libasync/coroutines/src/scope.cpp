#include <async/scope.h>

#include <async/driven_task.h>
#include <async/post.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace async {

scope::scope(const environment& where, error_handler on_error, cancellation_source* parent)
    : where_(where), on_error_(std::move(on_error)), cancellation_(parent), root_(where, &cancellation_) {
    if (!on_error_) throw std::invalid_argument("async::scope: somebody must hear of errors");
}

scope::~scope() {
    if (running_ == 0) return;
    std::fputs("async::scope: destroyed while tasks run in it; await join() first\n", stderr);
    std::abort();
}

void scope::spawn(std::string_view name, task<void> body) {
    detail::post(where_, [this, name, body = std::move(body)]() mutable {
        detail::start_observed(root_, [&] { run(root_, *this, name, std::move(body)); });
    });
    ++running_;
}

detail::root_coroutine scope::run(const context& root, scope& owner, std::string_view name, task<void> body) {
    std::exception_ptr failure;
    {
        task<void> running = std::move(body);
        if (!detail::driven_task<void>::start(running, root)) co_await detail::driven_task<void>(running);
        failure = detail::driven_task<void>::take_failure(running);
    }
    if (failure && !detail::is_cancellation(failure)) owner.on_error_(name, failure);
    if (--owner.running_ == 0) owner.empty_.notify_all();
}

task<void> scope::join() {
    const context& outer = co_await this_context;
    // A wait of its own: leaving the scope while its tasks run is the one thing that must not happen.
    context uncut = outer;
    uncut.cancellation = nullptr;
    const auto wait = [](scope& joined) -> task<void> {
        while (joined.running_ > 0) co_await joined.empty_.wait();
    };
    task<void> waiting = wait(*this);
    co_await std::move(waiting).in(uncut);
}

}  // namespace async
