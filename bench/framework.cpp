#include "sample_events.h"
#include "sample_modules.h"
#include "scenario.h"

#include <callbacks/client_event.h>
#include <callbacks/remembered_fields.h>

#include <async/bind.h>
#include <async/co_spawn.h>
#include <async/sleep.h>
#include <async/waiting_runs.h>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

/// The whole hook through this framework: from the event to a client's bytes.
namespace bench {

namespace {

using callbacks::Event;
using callbacks::JsonDict;
using callbacks::UnsignedWriter;

/// Two fields of module number `Number`, in every form and with every way to end.
template <std::size_t Number>
class Module {
public:
    async::task<void> direct_ready(const Event& event, UnsignedWriter& out) {
        add_both(event, out);
        co_return;
    }
    void direct_plain(const Event& event, UnsignedWriter& out) { add_both(event, out); }
    void one_by_one(const Event& event, UnsignedWriter& out) {
        out.add(FieldNames<Number>::kind, event.type());
        out.add(FieldNames<Number>::sender, event.sender());
    }
    async::task<void> after_a_millisecond(const Event& event, UnsignedWriter& out) {
        co_await async::sleep_for(std::chrono::milliseconds(1));
        add_both(event, out);
    }
    async::task<void> direct_suspending(const Event& event, UnsignedWriter& out) {
        out.add(FieldNames<Number>::kind, event.type());
        co_await async::reschedule();
        out.add(FieldNames<Number>::sender, event.sender());
    }
    async::task<JsonDict> arena_ready(const Event& event, const callbacks::JsonMemory& memory) {
        co_return fields(event, memory);
    }
    async::task<JsonDict> object_ready(const Event& event) { co_return fields(event, {}); }
    async::task<JsonDict> object_suspending(const Event& event) {
        co_await async::reschedule();
        co_return fields(event, {});
    }

private:
    static void add_both(const Event& event, UnsignedWriter& out) {
        out.add<FieldNames<Number>::kind, FieldNames<Number>::sender>(event.type(), event.sender());
    }
    static JsonDict fields(const Event& event, const callbacks::JsonMemory& memory) {
        JsonDict added(memory);
        added.reserve(2);
        added.emplace(FieldNames<Number>::kind, event.type());
        added.emplace(FieldNames<Number>::sender, event.sender());
        return added;
    }
};

/// A module whose field names are known at run time only, for any number of modules.
class NumberedModule {
public:
    explicit NumberedModule(std::size_t number)
        : kind_("org.example.kind." + std::to_string(number)), sender_("org.example.sender." + std::to_string(number)) {}
    async::task<void> direct_ready(const Event& event, UnsignedWriter& out) {
        out.add(kind_, event.type());
        out.add(sender_, event.sender());
        co_return;
    }

private:
    std::string kind_;
    std::string sender_;
};

using Slot = decltype(callbacks::Unsigned::add_field_to_unsigned_callback);

/// A worker: its modules, its dispatcher, its executor.
class Worker {
public:
    Worker() { settings_.waiting = &waiting_; }
    void add(Slot slot) { hooks_.add_field_to_unsigned_callback.add("module", slot, &settings_); }

    /// Writes `count` events, `per_response` at a time.
    void write(std::size_t count, const std::vector<callbacks::OutgoingEvent>& response) {
        io_.restart();
        async::co_spawn(async::environment(io_.get_executor()), write_all(*this, count, response),
                        [this](const std::exception_ptr&) { waiting_.stop(); });
        io_.run();
    }

    void forget_all() {
        if (const auto& memory = hooks_.add_field_to_unsigned_callback.remembered()) memory->forget_all();
    }

    NumberedModule& numbered(std::size_t number) { return *numbered_.emplace_back(std::make_unique<NumberedModule>(number)); }

private:
    static async::task<void> write_all(Worker& self, std::size_t count, const std::vector<callbacks::OutgoingEvent>& response) {
        for (std::size_t left = count; left > 0;) {
            const std::size_t now = std::min(left, response.size());
            const std::span<const callbacks::OutgoingEvent> events(response.data(), now);
            static_cast<void>(co_await self.events_.write(self.hooks_, events, "]"));
            left -= now;
        }
    }

    boost::asio::io_context io_{1};
    async::dispatch_settings settings_;
    async::waiting_runs waiting_{settings_};
    callbacks::UnsignedDispatch hooks_;
    callbacks::ClientEvents events_;
    std::vector<std::unique_ptr<NumberedModule>> numbered_;
};

struct Prepared {
    Prepared() : events(distinct_events) {}
    SampleEvents events;
    std::vector<callbacks::OutgoingEvent> response;
    Worker worker;
};

std::function<void(std::size_t)> runner(std::shared_ptr<Prepared> prepared, std::size_t per_response) {
    prepared->response = prepared->events.response(per_response);
    return [prepared](std::size_t count) { prepared->worker.write(count, prepared->response); };
}

/// `form_of(index)` yields the slot of module number `index`.
template <class FormOf>
void add(std::vector<Scenario>& into, const std::string& group, FormOf form_of) {
    for (const std::size_t modules : module_counts) {
        into.push_back({named(group, modules), [modules, form_of] {
                            const auto prepared = std::make_shared<Prepared>();
                            for (std::size_t index = 0; index < modules; ++index) prepared->worker.add(form_of(index));
                            return runner(prepared, events_per_response);
                        }});
    }
}

/// The slot of module number `index` in one form, chosen by `Form<Number>::slot()`.
template <template <std::size_t> class Form>
Slot slot_of(std::size_t index) {
    return [index]<std::size_t... Number>(std::index_sequence<Number...>) {
        Slot chosen;
        static_cast<void>(((Number == index && (chosen = Form<Number>::slot(), true)) || ...));
        return chosen;
    }
    (std::make_index_sequence<8>());
}

template <std::size_t Number>
Module<Number> module_instance;

#define BENCH_FORM(Form, method)                                                                      \
    template <std::size_t Number>                                                                     \
    struct Form {                                                                                     \
        static Slot slot() { return async::bind<&Module<Number>::method>(&module_instance<Number>); } \
    }
BENCH_FORM(DirectReady, direct_ready);
BENCH_FORM(DirectPlain, direct_plain);
BENCH_FORM(OneByOne, one_by_one);
BENCH_FORM(DirectSuspending, direct_suspending);
BENCH_FORM(ArenaReady, arena_ready);
BENCH_FORM(ObjectReady, object_ready);
BENCH_FORM(ObjectSuspending, object_suspending);

/// Asked once about an event: what they wrote is copied from then on.
template <std::size_t Number>
struct Once {
    static Slot slot() {
        return {async::bind<&Module<Number>::direct_ready>(&module_instance<Number>), callbacks::EventInterest(),
                callbacks::once_per_event};
    }
};
BENCH_FORM(Waiting, after_a_millisecond);
template <std::size_t Number>
struct WaitingOnce {
    static Slot slot() {
        return {async::bind<&Module<Number>::after_a_millisecond>(&module_instance<Number>), callbacks::EventInterest(),
                callbacks::once_per_event};
    }
};

template <std::size_t Number>
struct Uninterested {
    static Slot slot() {
        return Slot(async::bind<&Module<Number>::direct_ready>(&module_instance<Number>),
                    callbacks::EventInterest().types({"m.room.topic"}));
    }
};

#undef BENCH_FORM

constexpr std::size_t few_events = 10;

/// A hundred recipients, one after the other, of whom the first is sent what nobody has asked about yet.
template <template <std::size_t> class Form>
void add_waiting(std::vector<Scenario>& into, const std::string& name) {
    into.push_back({name, [] {
                        const auto prepared = std::make_shared<Prepared>();
                        for (std::size_t index = 0; index < 3; ++index) prepared->worker.add(slot_of<Form>(index));
                        prepared->response = prepared->events.response(events_per_response);
                        return [prepared](std::size_t count) {
                            prepared->worker.forget_all();
                            prepared->worker.write(count, prepared->response);
                        };
                    }});
}

void add_growth(std::vector<Scenario>& into) {
    for (const std::size_t modules : {1, 2, 4, 8, 16, 32, 64}) {
        into.push_back({named("growth/modules", modules), [modules] {
                            const auto prepared = std::make_shared<Prepared>();
                            for (std::size_t index = 0; index < modules; ++index) {
                                NumberedModule& module = prepared->worker.numbered(index);
                                prepared->worker.add(async::bind<&NumberedModule::direct_ready>(&module));
                            }
                            return runner(prepared, few_events);  // with 64 modules still in the caches
                        }});
    }
    for (const std::size_t events : {1, 10, 100, 1'000, 10'000, 100'000}) {
        into.push_back({named("growth/events", events), [events] {
                            const auto prepared = std::make_shared<Prepared>();
                            for (std::size_t index = 0; index < 3; ++index) prepared->worker.add(slot_of<DirectReady>(index));
                            return runner(prepared, events);
                        }});
    }
}

}  // namespace

ReadyModule ready_module(std::size_t number) { return slot_of<DirectReady>(number); }

void add_framework_scenarios(std::vector<Scenario>& into) {
    add(into, "direct", &slot_of<DirectReady>);
    add(into, "direct_function", &slot_of<DirectPlain>);
    add(into, "direct_one_by_one", &slot_of<OneByOne>);
    add(into, "once_per_event", &slot_of<Once>);
    add_waiting<Waiting>(into, "waiting/each_time");
    add_waiting<WaitingOnce>(into, "waiting/once");
    add(into, "direct_suspending", &slot_of<DirectSuspending>);
    add(into, "object_in_arena", &slot_of<ArenaReady>);
    add(into, "object", &slot_of<ObjectReady>);
    add(into, "object_suspending", &slot_of<ObjectSuspending>);
    add(into, "uninterested", &slot_of<Uninterested>);
    add_growth(into);
}

}  // namespace bench
