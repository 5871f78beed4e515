#include "events/client_event.h"
#include "events/event_format.h"
#include "events/response_memory.h"
#include "events/room_store.h"
#include "http/endpoint.h"
#include "sample_events.h"
#include "sample_modules.h"
#include "scenario.h"

#include <callbacks/text.h>

#include <async/sync_wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The reference homeserver's own way from what a query gave to the bytes that its connection sends, as `/messages` goes it. The rows are
/// those of events that were read before.
namespace bench {

namespace {

class Responses {
public:
    explicit Responses(std::size_t modules) {
        for (std::size_t number = 0; number < modules; ++number) {
            hooks_.add_field_to_unsigned_callback.add("module", ready_module(number), &settings_);
        }
        const SampleEvents events(distinct_events);
        for (std::size_t index = 0; index < events_per_response; ++index) {
            const callbacks::Event& event = events[index].event();
            rows_.emplace_back(*event.event_id(), static_cast<std::int64_t>(index),
                               boost::json::serialize(homeserver::pdu_from_event(event)), "{}", std::nullopt, std::nullopt);
        }
    }

    /// Writes `count` events, a hundred in a response.
    void run(std::size_t count) { async::sync_wait(io_, where_, write_all(*this, count)); }

private:
    static async::task<void> write_all(Responses& self, std::size_t count) {
        for (std::size_t left = count; left > 0;) {
            const std::size_t now = std::min(left, events_per_response);
            co_await write_one(self, now);
            left -= now;
        }
    }
    static async::task<void> write_one(Responses& self, std::size_t count) {
        std::vector<homeserver::StoredEvent> stored;
        stored.reserve(count);
        for (std::size_t index = 0; index < count; ++index) stored.push_back(homeserver::stored_event(self.rows_[index]));
        const homeserver::RoutedRequest request(self.http_, {});
        homeserver::Recipient recipient;
        recipient.user_id = "@bob:example.org";
        homeserver::EventResponse response(self.writer_, std::move(recipient));
        response.text().append(R"({"start":"s1","chunk":)");
        response.events(std::move(stored));
        response.text().append('}');
        const modapi::Response answer = co_await response.write(request);
        // As its connection does before it sends them.
        if (answer.status != 200 || !callbacks::is_utf8(request.outgoing_body->whole().value())) std::abort();
    }

    boost::asio::io_context io_{1};
    async::environment where_{io_.get_executor()};
    async::dispatch_settings settings_;
    callbacks::UnsignedDispatch hooks_;
    homeserver::ResponseMemories memories_;
    homeserver::ClientEventWriter writer_{memories_, hooks_, *where_.clock};
    modapi::Request http_;
    std::vector<homeserver::EventRow> rows_;  ///< what a query of the database gives
};

}  // namespace

void add_response_scenarios(std::vector<Scenario>& into) {
    for (const std::size_t modules : {0, 3}) {
        into.push_back({named("host_response", modules), [modules] {
                            return [responses = std::make_shared<Responses>(modules)](std::size_t count) {
                                responses->run(count);
                            };
                        }});
    }
}

}  // namespace bench
