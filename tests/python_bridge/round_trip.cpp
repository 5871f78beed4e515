#include "events/client_event_text.h"
#include "python_worker.h"

#include <callbacks/client_event.h>

#include <async/sleep.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

/// What a callback of a Python module costs that answers at once, from the host's hook and back, and how many events get their
/// fields. Prints, decides nothing.
///
/// usage: python_bridge_round_trip [CALLS]
namespace {

using microseconds = std::chrono::duration<double, std::micro>;

async::task<std::vector<double>> measured(modapi::ModuleHost& worker, int calls, std::chrono::microseconds period) {
    std::vector<double> times;
    times.reserve(static_cast<std::size_t>(calls));
    const std::string user = "@nothing:example.org";
    const callbacks::JsonDict config;
    auto next = std::chrono::steady_clock::now();
    for (int call = 0; call < calls; ++call) {
        next += period;
        if (period.count() > 0) co_await async::sleep_for(next - std::chrono::steady_clock::now());
        const auto begin = std::chrono::steady_clock::now();
        const callbacks::Verdict verdict = co_await worker.hooks().spam_checker.user_may_create_room(user, config);
        times.push_back(microseconds(std::chrono::steady_clock::now() - begin).count());
        if (verdict.is_spam()) std::abort();
    }
    co_return times;
}

void print(const char* name, std::vector<double> times) {
    std::sort(times.begin(), times.end());
    std::printf("%-24s median %6.1f us, 90 %% %6.1f us, 99 %% %6.1f us, %zu calls\n", name, times[times.size() / 2],
                times[times.size() * 9 / 10], times[times.size() * 99 / 100], times.size());
}

constexpr std::size_t events_of_a_page = 100;

async::task<void> write_pages(modapi::ModuleHost& worker, const std::vector<callbacks::OutgoingEvent>& page, int pages) {
    callbacks::ClientEvents writer;
    for (int written = 0; written < pages; ++written) {
        const std::string_view text = co_await writer.write(worker.hooks().unsigned_section, page, "]");
        if (text.find("org.example.kind") == std::string_view::npos) std::abort();
    }
}

void print_pages(int pages) {
    PythonWorker modules;
    modules.construct("  - module: adding.Adding\n");
    std::vector<std::unique_ptr<callbacks::ClientEvent>> events;
    std::vector<callbacks::OutgoingEvent> page(events_of_a_page);
    for (callbacks::OutgoingEvent& one : page) {
        callbacks::EventFields fields;
        fields.event_id = "$event" + std::to_string(events.size());
        fields.room_id = "!room:example.org";
        fields.type = "m.room.message";
        fields.sender = "@alice:example.org";
        fields.content = {{"msgtype", "m.text"}, {"body", std::string(200, 'x')}};
        const callbacks::Event event(std::move(fields));
        events.push_back(std::make_unique<callbacks::ClientEvent>(event, homeserver::client_event_text(event)));
        one.event = events.back().get();
        one.before = ",";
    }
    modules.wait(write_pages(*modules.worker, page, 3));
    const auto begin = std::chrono::steady_clock::now();
    modules.wait(write_pages(*modules.worker, page, pages));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf("%-24s %.0f events/s, %.2f ms for a page of %zu\n", "pages of events", pages * events_of_a_page / seconds,
                seconds * 1000 / pages, events_of_a_page);
}

}  // namespace

int main(int count, char** arguments) {
    const int calls = count > 1 ? std::atoi(arguments[1]) : 5000;
    PythonWorker modules;
    modules.construct("  - module: deadly.Deadly\n");
    constexpr int to_warm_up = 500;
    static_cast<void>(modules.wait(measured(*modules.worker, to_warm_up, std::chrono::microseconds(0))));
    print("back to back", modules.wait(measured(*modules.worker, calls, std::chrono::microseconds(0))));
    print("1,000 a second", modules.wait(measured(*modules.worker, calls, std::chrono::milliseconds(1))));
    print_pages(std::max(1, calls / 10));
    return 0;
}
