#include "sample_events.h"
#include "scenario.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serializer.hpp>

#include <algorithm>

/// The same bytes in the ways that lie near: modules return JSON objects, from Asio's own coroutines or from std::function; the
/// host merges them, puts them into the event's prebuilt object and has Boost.JSON write it.
namespace bench {

namespace {

namespace asio = boost::asio;
using callbacks::Event;
using callbacks::JsonDict;

template <std::size_t Number>
JsonDict fields_of(const Event& event) {
    JsonDict added;
    added.reserve(2);
    added.emplace(FieldNames<Number>::kind, event.type());
    added.emplace(FieldNames<Number>::sender, event.sender());
    return added;
}

/// A response that is written event by event.
class Response {
public:
    Response() {
        const SampleEvents sample(distinct_events);
        for (std::size_t index = 0; index < sample.size(); ++index) {
            events.push_back(sample[index].event());
            objects_.emplace_back(sample[index].event().get_dict());
        }
    }
    void begin() { text_.clear(); }
    void merge(JsonDict added) {
        if (merged_.empty()) {
            merged_ = std::move(added);
            return;
        }
        for (auto& field : added) merged_.insert_or_assign(field.key(), std::move(field.value()));
    }
    void write(std::size_t index) {
        text_ += index == 0 ? '[' : ',';
        merged_.insert_or_assign("age", SampleEvents::age_of(index));
        callbacks::JsonValue& object = objects_[index % distinct_events];
        object.get_object()["unsigned"] = std::move(merged_);
        merged_ = JsonDict();
        serializer_.reset(&object);
        while (!serializer_.done()) {
            const boost::json::string_view part = serializer_.read(part_, sizeof(part_));
            text_.append(part.data(), part.size());
        }
    }

    std::vector<Event> events;

private:
    std::vector<callbacks::JsonValue> objects_;
    JsonDict merged_;
    boost::json::serializer serializer_;
    char part_[4096];
    std::string text_;
};

/// A module behind Asio's coroutines, erased as a host holds it.
using AwaitableModule = asio::awaitable<JsonDict> (*)(const Event&);
template <std::size_t Number>
asio::awaitable<JsonDict> ready(const Event& event) {
    co_return fields_of<Number>(event);
}
template <std::size_t Number>
asio::awaitable<JsonDict> suspending(const Event& event) {
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    co_return fields_of<Number>(event);
}
/// The host's own coroutine around all modules of one event, as the framework has one.
asio::awaitable<void> write_event(Response& response, const std::vector<AwaitableModule>& modules, std::size_t index) {
    const Event& event = response.events[index % distinct_events];
    for (const AwaitableModule module : modules) {
        JsonDict added = co_await module(event);
        response.merge(std::move(added));
    }
    response.write(index);
}
asio::awaitable<void> write_awaiting(Response& response, const std::vector<AwaitableModule>& modules, std::size_t count) {
    for (std::size_t left = count; left > 0;) {
        const std::size_t now = std::min(left, events_per_response);
        response.begin();
        for (std::size_t index = 0; index < now; ++index) co_await write_event(response, modules, index);
        left -= now;
    }
}
template <std::size_t... Number>
std::vector<AwaitableModule> ready_modules(std::index_sequence<Number...>) {
    return {&ready<Number>...};
}
template <std::size_t... Number>
std::vector<AwaitableModule> suspending_modules(std::index_sequence<Number...>) {
    return {&suspending<Number>...};
}

void add_awaitable(std::vector<Scenario>& into, const std::string& group, const std::vector<AwaitableModule>& modules) {
    into.push_back({named(group, modules.size()), [modules] {
                        return [response = std::make_shared<Response>(), modules](std::size_t count) {
                            asio::io_context io(1);
                            asio::co_spawn(io, write_awaiting(*response, modules, count), asio::detached);
                            io.run();
                        };
                    }});
}

using FunctionModule = std::function<JsonDict(const Event&)>;
template <std::size_t... Number>
std::vector<FunctionModule> function_modules(std::index_sequence<Number...>) {
    return {FunctionModule(&fields_of<Number>)...};
}
void add_function(std::vector<Scenario>& into, const std::vector<FunctionModule>& modules) {
    into.push_back({named("function_dom", modules.size()), [modules] {
                        return [response = std::make_shared<Response>(), modules](std::size_t count) {
                            for (std::size_t left = count; left > 0;) {
                                const std::size_t now = std::min(left, events_per_response);
                                response->begin();
                                for (std::size_t index = 0; index < now; ++index) {
                                    const Event& event = response->events[index % distinct_events];
                                    for (const FunctionModule& module : modules) response->merge(module(event));
                                    response->write(index);
                                }
                                left -= now;
                            }
                        };
                    }});
}

template <std::size_t Modules>
void add_with(std::vector<Scenario>& into) {
    const auto numbers = std::make_index_sequence<Modules>();
    add_awaitable(into, "asio_dom", ready_modules(numbers));
    if constexpr (Modules > 0) add_awaitable(into, "asio_dom_suspending", suspending_modules(numbers));
    add_function(into, function_modules(numbers));
}

}  // namespace

void add_other_scenarios(std::vector<Scenario>& into) {
    add_with<0>(into);
    add_with<1>(into);
    add_with<3>(into);
    add_with<8>(into);
}

}  // namespace bench
