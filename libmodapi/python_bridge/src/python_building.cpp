#include "python_errors.h"
#include "python_greeting.h"
#include "python_log.h"
#include "python_process.h"

#include <modapi/module_api.h>

#include <async/sleep.h>

#include <exception>
#include <stdexcept>
#include <utility>

/// How a module gets into its process: the first time, and whenever the process is started anew.
namespace modapi {

using callbacks::JsonDict;
using callbacks::JsonValue;

async::task<void> PythonProcess::start_life(ModuleApi& any) {
    begin_life();
    const std::shared_ptr<PythonLife> life = life_;
    life->listen();
    JsonDict greeting = greeting_of(surroundings_->settings, life->program().directory(), any);
    async::task<JsonDict> greeted = ask_in_time(life, std::move(greeting), "its start");
    const JsonDict greeted_it = co_await std::move(greeted);
    if (const JsonValue* const error = greeted_it.if_contains("error"))
        throw std::runtime_error(line_of_error(names(), "its start", error->as_object()));
}

async::task<JsonDict> PythonProcess::ask_in_time(std::shared_ptr<PythonLife> life, JsonDict message, std::string_view asked) {
    const async::context& here = co_await async::this_context;
    async::task<JsonDict> asking = ask_python(life, std::move(message), asked);
    async::task<JsonDict> in_time = async::with_deadline(surroundings_->settings.construction_limit, std::move(asking));
    try {
        co_return co_await std::move(in_time);
    } catch (const async::deadline_exceeded&) {
        here.throw_if_cancelled();  // somebody else's deadline
    }
    const std::string limit = std::to_string(surroundings_->settings.construction_limit.count());
    const std::string reason =
        "hasn't ended " + std::string(asked) + " within " + limit + " ms (python.construction_limit)";
    // Nothing else can be asked of it while that goes on.
    life->lose(reason);
    throw PythonGone("its Python process " + reason);
}

async::task<JsonDict> PythonProcess::construct(std::shared_ptr<PythonLife> life, std::shared_ptr<PythonEntry> entry) {
    async::task<JsonDict> parsing = ask_in_time(life, entry->parsing(), "parse_config");
    const JsonDict parsed = co_await std::move(parsing);
    if (const JsonValue* const error = parsed.if_contains("error")) throw_parse_error(entry->module(), error->as_object());
    async::task<JsonDict> constructing = ask_in_time(life, entry->construction(), "its constructor");
    JsonDict built = co_await std::move(constructing);
    if (const JsonValue* const error = built.if_contains("error"))
        throw std::runtime_error(line_of_error(entry->module(), "the constructor", error->as_object()));
    co_return std::move(built.at("result").as_object());
}

async::task<JsonDict> PythonProcess::begin(std::shared_ptr<PythonEntry> entry) {
    if (life_ == nullptr) {
        async::task<void> starting = start_life(entry->api());
        co_await std::move(starting);
    }
    const std::shared_ptr<PythonLife> life = life_;
    if (life == nullptr) throw PythonGone("its Python process " + reason_);
    async::task<JsonDict> constructing = construct(life, entry);
    JsonDict described = co_await std::move(constructing);
    if (life->is_over()) throw PythonGone("its Python process " + reason_);
    entry->built(life->number(), described);
    std::erase(arriving_, entry);
    entries_.push_back(entry);
    // What it was asked meanwhile waited for the constructor.
    answered_ping();
    if (!std::exchange(why_, std::string()).empty()) watch();
    co_return described;
}

async::task<JsonDict> PythonProcess::build(std::shared_ptr<PythonProcess> self, std::shared_ptr<PythonEntry> entry) {
    self->arriving_.push_back(entry);
    const bool is_first = self->life_ == nullptr;
    const std::uint64_t life = is_first ? self->lives_ + 1 : self->life_->number();
    std::exception_ptr failure;
    bool has_ended = false;
    try {
        async::task<JsonDict> beginning = self->begin(entry);
        co_return co_await std::move(beginning);
    } catch (const PythonGone&) {
        failure = std::current_exception();
        has_ended = true;
    } catch (...) {
        failure = std::current_exception();
    }
    if (has_ended) {
        std::string why;
        try {
            async::task<std::string> ending = end_of(self, life);
            why = co_await std::move(ending);
            failure = std::make_exception_ptr(std::runtime_error(why));
        } catch (...) {
            failure = std::current_exception();
        }
    }
    const async::context& here = co_await async::this_context;
    async::context uncut = here;
    uncut.cancellation = nullptr;
    async::task<void> leaving = leave(self, entry);
    co_await std::move(leaving).in(uncut);
    std::rethrow_exception(failure);
}

async::task<std::string> PythonProcess::end_of(std::shared_ptr<PythonProcess> self, std::uint64_t life) {
    while (self->ended_life_ < life) co_await self->end_is_known_.wait();
    co_return self->end_of_it_;
}

}  // namespace modapi
