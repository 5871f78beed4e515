#include "allocation_count.h"

#include <callbacks/unsigned.h>

#include <async/bind.h>
#include <async/sync_wait.h>

#include <string>

/// The hook that runs once per event and recipient.
namespace {

class Module {
public:
    callbacks::JsonDict add(const callbacks::Event& event) {
        callbacks::JsonDict added;
        added["org.example.kind"] = event.type();
        return added;
    }
};

callbacks::Event make_event() {
    callbacks::EventFields fields;
    fields.type = "m.room.message";
    fields.sender = "@alice:example.com";
    fields.content["body"] = "hello";
    return callbacks::Event(std::move(fields));
}

/// What the modules' work costs by itself: the floor.
void fields_by_hand(benchmark::State& state) {
    Module module;
    const callbacks::Event event = make_event();
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        callbacks::JsonDict merged;
        for (int count = 0; count < state.range(0); ++count) {
            callbacks::JsonDict added = module.add(event);
            for (auto& field : added) merged.insert_or_assign(field.key(), std::move(field.value()));
        }
        benchmark::DoNotOptimize(merged);
    }
}
BENCHMARK(fields_by_hand)->Name("unsigned/by_hand")->Arg(0)->Arg(1)->Arg(3);

using Dispatcher = decltype(callbacks::UnsignedDispatch::add_field_to_unsigned_callback);

async::task<void> await_fields(benchmark::State& state, const Dispatcher& dispatcher) {
    const callbacks::Event event = make_event();
    for (int turn = 0; turn < bench::warm_up_turns; ++turn) static_cast<void>(co_await dispatcher(event));
    const bench::AllocationsPerIteration allocations(state);
    for (auto _ : state) {
        callbacks::JsonDict added = co_await dispatcher(event);
        benchmark::DoNotOptimize(added);
    }
}
void fields_of_modules(benchmark::State& state) {
    Module module;
    Dispatcher dispatcher;
    async::dispatch_settings settings;
    for (int count = 0; count < state.range(0); ++count) {
        dispatcher.add("module", async::bind<&Module::add>(&module), &settings);
    }
    async::sync_wait(await_fields(state, dispatcher));
}
BENCHMARK(fields_of_modules)->Name("unsigned/modules")->Arg(0)->Arg(1)->Arg(3);

}  // namespace
