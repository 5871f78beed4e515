#include "python_entry.h"

#include "python_errors.h"
#include "python_log.h"
#include "python_operations.h"
#include "python_process.h"

#include <modapi/hosting/cause.h>
#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <async/callback_frame.h>
#include <async/child_context.h>

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

JsonArray list_in(const JsonDict& described, std::string_view member) {
    const JsonValue* const value = described.if_contains(member);
    return value != nullptr && value->is_array() ? value->get_array() : JsonArray();
}

/// Among whom an operation waits for its turn.
PythonBudget::Places& places_of(PythonBudget& budget, const async::context& here, std::string_view member) {
    if (!belongs_to_call(member)) return budget.places_for_others();
    if (gives_many_events(member)) return budget.places_for_many_events();
    const CausedWork* const around = async::innermost<CausedWork>(here);
    return budget.places(around != nullptr ? around->depth() : 0);
}

/// What a background operation is begun with: the closure that waits for the service to begin must be copyable.
struct Postponed {
    PythonEntry::Asked asked;
    Cause cause;
};

}  // namespace

PythonEntry::PythonEntry(std::shared_ptr<PythonProcess> process, std::shared_ptr<const PythonSource> source, JsonDict config,
                         ModuleApi& api)
    : process_(std::move(process)),
      source_(std::move(source)),
      config_(std::move(config)),
      api_(api),
      name_(registrations_of(api).name_among_workers + "@" + std::to_string(registrations_of(api).registrant)) {}

JsonDict PythonEntry::parsing() const {
    JsonDict message;
    message["do"] = "parse_config";
    message["entry"] = name_;
    message["module"] = source_->module;
    message["config"] = config_;
    return message;
}

JsonDict PythonEntry::construction() const {
    JsonDict message;
    message["do"] = "construct";
    message["entry"] = name_;
    return message;
}

void PythonEntry::built(std::uint64_t life, const JsonDict& described) {
    std::vector<Registered> registered;
    for (const JsonValue& each : list_in(described, "callbacks")) {
        const JsonDict& callback = each.as_object();
        const JsonValue* const key = callback.if_contains("key");
        Registered& one = registered.emplace_back();
        one.name = std::string(text_of(callback, "category")) + "." + std::string(text_of(callback, "name"));
        if (key != nullptr && !key->is_null()) one.key = boost::json::serialize(*key);
        one.handle = callback.at("handle").as_int64();
    }
    JsonArray web = list_in(described, "web");
    JsonArray cached = list_in(described, "cached");
    if (was_built_ && (registered != callbacks_ || web != web_ || cached != cached_)) {
        throw std::runtime_error(
            "it has registered something else than before: its callbacks can't be called until the server "
            "has read its modules again");
    }
    if (was_built_) {
        for (std::size_t place = 0; place < callbacks_.size(); ++place) callbacks_[place].handle = registered[place].handle;
    } else {
        callbacks_ = std::move(registered);
    }
    web_ = std::move(web);
    cached_ = std::move(cached);
    life_ = life;
    was_built_ = true;
    why_.clear();
}

void PythonEntry::not_built(std::string why) {
    life_ = 0;
    why_ = std::move(why);
}

std::shared_ptr<PythonLife> PythonEntry::life() const {
    const std::shared_ptr<PythonLife>& running = process_->running();
    if (running->number() == life_) return running;
    throw PythonGone("the module couldn't be built anew: " + why_);
}

std::shared_ptr<PythonLife> PythonEntry::life_of(PythonHandle handle) const {
    std::shared_ptr<PythonLife> running = life();
    if (handle.life == running->number()) return running;
    throw PythonGone("the process that had this object has ended");
}

JsonDict PythonEntry::asking(std::string_view what, std::int64_t handle) const {
    JsonDict message;
    message["do"] = what;
    message["entry"] = name_;
    message["handle"] = handle;
    return message;
}

async::task<JsonDict> PythonEntry::ask(std::shared_ptr<PythonLife> life, JsonDict message, std::string_view asked) {
    const async::context& here = co_await async::this_context;
    PythonRequest request(*life, here, asked);
    request.begin(std::move(message));
    std::exception_ptr failure;
    try {
        co_await request;
    } catch (...) {
        failure = std::current_exception();
    }
    if (request.has_operations()) {
        // They run in this chain, and use what it has.
        if (failure) request.cancel_operations();
        async::context uncut = here;
        uncut.cancellation = nullptr;
        async::task<void> ending = PythonRequest::operations_ended(request);
        co_await std::move(ending).in(uncut);
    }
    if (failure) std::rethrow_exception(failure);
    JsonDict& answer = request.answer();
    if (const JsonValue* const error = answer.if_contains("error"); error != nullptr && error->is_object())
        throw_python_error(error->get_object());
    if (!answer.contains("result")) throw PythonException("ValueError", "it answered without a result", "");
    process_->answered_well();
    co_return std::move(answer);
}

async::task<PythonAnswer> PythonEntry::call(std::size_t callback, JsonArray arguments) {
    std::shared_ptr<PythonLife> asked = life();
    PythonAnswer given;
    given.life = asked->number();
    const Registered& of = callback_at(callback);
    JsonDict message = asking("call", of.handle);
    message["arguments"] = std::move(arguments);
    async::task<JsonDict> asking_it = ask(std::move(asked), std::move(message), of.name);
    JsonDict answer = co_await std::move(asking_it);
    given.result = std::move(answer.at("result"));
    if (JsonValue* const changed = answer.if_contains("changed"); changed != nullptr && changed->is_object())
        given.changed = std::move(changed->get_object());
    for (const JsonValue& id : list_in(answer, "soft_failed"))
        if (id.is_string()) given.soft_failed.emplace_back(id.get_string());
    co_return given;
}

async::task<JsonArray> PythonEntry::batch(std::size_t callback, JsonArray lists) {
    const std::size_t expected = lists.size();
    const Registered& of = callback_at(callback);
    JsonDict message = asking("batch", of.handle);
    message["arguments"] = std::move(lists);
    async::task<JsonDict> asking_it = ask(life(), std::move(message), of.name);
    JsonDict answer = co_await std::move(asking_it);
    JsonArray* const answers = answer.at("result").if_array();
    if (answers == nullptr || answers->size() != expected)
        throw PythonException("ValueError", "it answered a batch with something else than a list of as many answers", "");
    co_return std::move(*answers);
}

async::task<JsonValue> PythonEntry::enter(PythonHandle manager) {
    async::task<JsonDict> asking_it = ask(life_of(manager), asking("enter", manager.number), "the entry of a context manager");
    JsonDict answer = co_await std::move(asking_it);
    co_return std::move(answer.at("result"));
}

async::task<bool> PythonEntry::exit(PythonHandle manager, std::exception_ptr failure) {
    JsonDict message = asking("exit", manager.number);
    message["error"] = nullptr;
    if (failure) message["error"] = python_error_of(failure);
    async::task<JsonDict> asking_it = ask(life_of(manager), std::move(message), "the exit of a context manager");
    const JsonDict answer = co_await std::move(asking_it);
    const JsonValue& swallowed = answer.at("result");
    co_return swallowed.is_bool() && swallowed.get_bool();
}

async::task<JsonValue> PythonEntry::respond(PythonHandle callback, JsonValue response) {
    JsonDict message = asking("respond", callback.number);
    message["response"] = std::move(response);
    async::task<JsonDict> asking_it = ask(life_of(callback), std::move(message), "a response callback");
    JsonDict answer = co_await std::move(asking_it);
    co_return std::move(answer.at("result"));
}

void PythonEntry::release(PythonHandle handle) noexcept {
    try {
        life_of(handle)->release(handle.number);
    } catch (...) {
        // It is gone with its process.
    }
}

void PythonEntry::invalidate(std::string function, JsonValue key) noexcept {
    try {
        JsonDict message;
        message["do"] = "invalidate";
        message["entry"] = name_;
        message["function"] = std::move(function);
        message["key"] = std::move(key);
        life()->send(message);
    } catch (...) {
        // What isn't running has nothing cached.
    }
}

std::int64_t PythonEntry::keep_state(std::shared_ptr<const callbacks::StateMap> state) {
    return process_->keep_state(std::move(state));
}

void PythonEntry::drop_state(std::int64_t handle) noexcept { process_->drop_state(handle); }

void PythonEntry::transaction_ended() noexcept {
    if (--transactions_ == 0) transactions_end_.notify_all();
}

async::task<void> PythonEntry::transactions_ended(std::shared_ptr<PythonEntry> self) {
    while (self->transactions_ > 0) co_await self->transactions_end_.wait();
}

void PythonEntry::operation(const std::shared_ptr<PythonLife>& life, PythonRequest* request, Asked asked) {
    if (request != nullptr && (PythonLife::was_in_shadow(request->id()) || belongs_to_call(asked.member))) {
        request->operation_began();
        process_->work().spawn("an operation of a Python module",
                               perform_within(shared_from_this(), life, *request, std::move(asked)));
        return;
    }
    auto postponed = std::make_shared<Postponed>();
    postponed->asked = std::move(asked);
    if (request != nullptr) postponed->cause = Cause::of(request->chain());
    registrations_of(api_).begin_background([self = shared_from_this(), life, postponed] {
        async::task<void> performing = perform_by_itself(self, life, std::move(postponed->asked));
        registrations_of(self->api_)
            .background_calls.spawn("an operation of a Python module",
                                    run_caused(std::move(postponed->cause), std::move(performing)));
    });
}

async::task<void> PythonEntry::perform_within(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life,
                                              PythonRequest& request, Asked asked) {
    try {
        async::task<void> performing = perform(std::move(self), std::move(life), std::move(asked));
        co_await std::move(performing).in(request.for_operations());
    } catch (...) {
        framework_log().error("an operation of a Python module: {}", callbacks::message_of(std::current_exception()));
    }
    request.operation_ended();
}

async::task<void> PythonEntry::perform_by_itself(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life,
                                                 Asked asked) {
    const async::context& outer = co_await async::this_context;
    async::callback_frame frame(outer);
    frame.enter(registrations_of(self->api_).background);
    async::task<void> performing = perform(std::move(self), std::move(life), std::move(asked));
    co_await std::move(performing).in(frame.here());
    frame.leave();
}

async::task<void> PythonEntry::perform(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life, Asked asked) {
    const async::context& outer = co_await async::this_context;
    async::child_context own(outer);
    const std::int64_t id = asked.id;
    const PythonProcess::RunningOperation cancellable(*self->process_, life->number(), id, own.source());
    std::exception_ptr failure;
    try {
        async::task<std::string> answering = answer_to(self, life, std::move(asked));
        std::string answer = co_await std::move(answering).in(own.here());
        life->send_text(std::move(answer));
        co_return;
    } catch (...) {
        failure = std::current_exception();
    }
    JsonDict failed;
    failed["id"] = id;
    failed["error"] = python_error_of(failure);
    try {
        life->send(failed);
        co_return;
    } catch (...) {
        failure = std::current_exception();
    }
    failed["error"] = python_error_of(failure);
    life->send(failed);
}

async::task<std::string> PythonEntry::answer_to(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life,
                                                Asked asked) {
    PythonBudget& budget = self->process_->budget();
    const async::context& here = co_await async::this_context;
    PythonBudget::Places& places = places_of(budget, here, asked.member);
    async::task<void> taking = PythonBudget::Places::take(places);
    co_await std::move(taking);
    const PythonBudget::Place place(places);
    async::task<void> reading = PythonLife::until_read(life, PythonBudget::most_unsent);
    co_await std::move(reading);
    if (life->is_over()) throw PythonGone("its Python process has ended");
    async::task<OperationAnswer> performing =
        perform_operation(self->api_, *self, std::move(asked.member), std::move(asked.arguments));
    OperationAnswer given = co_await std::move(performing);
    std::string text = "{\"id\":" + std::to_string(asked.id) + ",\"result\":";
    if (const JsonValue* const value = std::get_if<JsonValue>(&given)) {
        text += boost::json::serialize(*value) + "}";
        co_return text;
    }
    async::task<std::string> writing = written_in_slices(std::move(std::get<SaidEvents>(given)));
    const std::string written = co_await std::move(writing);
    text += written;
    text += '}';
    co_return text;
}

}  // namespace modapi
