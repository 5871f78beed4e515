#pragma once

#include <async/context.h>
#include <async/operation.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace modapi {

/// The request because of which something happens, as logs, decisions and the services that modules call are told of it.
///
/// Thread: any; what it says never changes.
class RequestTrace {
public:
    /// A request with an id of its own, from this address. `traceparent` and `tracestate` are those headers of W3C Trace Context as
    /// they came, empty if they didn't: a trace that they name goes on, and a new one begins otherwise.
    RequestTrace(std::string client_address, std::string_view traceparent, std::string_view tracestate);

    /// 16 hexadecimal digits: no two requests have the same.
    [[nodiscard]] const std::string& request_id() const noexcept { return request_id_; }
    [[nodiscard]] const std::string& client_address() const noexcept { return client_address_; }
    /// The header by which a request that is made because of this one says so: the same trace, and this request as its parent.
    [[nodiscard]] std::string traceparent() const;
    /// What other systems added to the trace; empty: nothing.
    [[nodiscard]] const std::string& tracestate() const noexcept { return tracestate_; }

private:
    std::string request_id_;  // the parent-id of what this request causes
    std::string client_address_;
    std::string trace_id_;
    std::string flags_;
    std::string tracestate_;
};

/// Work that a request causes. Lifetime and thread as of every async::operation.
class TracedWork : public async::operation {
public:
    /// `trace` may be null: nothing is known of a request.
    TracedWork(const async::context& outer, std::shared_ptr<const RequestTrace> trace) noexcept
        : operation(outer), trace_(std::move(trace)) {}

    [[nodiscard]] const std::shared_ptr<const RequestTrace>& trace() const noexcept { return trace_; }
    /// A run in shadow mode is because of the same request.
    [[nodiscard]] std::unique_ptr<async::operation> carried_to(const async::context& root) const override {
        return trace_ != nullptr ? std::make_unique<TracedWork>(root, trace_) : nullptr;
    }

    /// The last decision of a module that made this work fail, by its id; empty: none did.
    [[nodiscard]] const std::string& denied_by() const noexcept { return denied_by_; }
    /// Notes the decision that made this work fail.
    void set_denied_by(std::string decision) noexcept { denied_by_ = std::move(decision); }

private:
    std::shared_ptr<const RequestTrace> trace_;
    std::string denied_by_;
};

/// The request that a chain works for; null: none is known. Cost: one step for each operation around it.
[[nodiscard]] std::shared_ptr<const RequestTrace> trace_of(const async::context& here) noexcept;

/// The request that the module works for which this thread runs, on the stack or in work that its callback waits for: for whoever
/// is called without a context, as a log is. Null: none, or none is known, as where nobody observes the environment
/// (async::running_callback_mark). Cost: as of trace_of.
[[nodiscard]] std::shared_ptr<const RequestTrace> trace_on_this_thread() noexcept;

/// What stands at the end of a log line about this request, ` request_id=ID`; null: nothing.
[[nodiscard]] std::string request_in_log(const RequestTrace* request);

}  // namespace modapi
