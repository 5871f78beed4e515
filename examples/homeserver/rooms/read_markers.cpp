#include "rooms/read_markers.h"

#include "access/authentication.h"
#include "account_data/account_data.h"
#include "events/notifier.h"
#include "events/room_store.h"
#include "events/visibility.h"
#include "http/requests.h"
#include "rooms/receipts.h"

#include <async/clock.h>

#include <modapi/database.h>

#include <callbacks/errors.h>

#include <algorithm>
#include <iterator>

namespace homeserver {

namespace {

using callbacks::Codes;
using callbacks::JsonDict;
using callbacks::SynapseError;
using modapi::Response;
using modapi::Transaction;

constexpr const char* fully_read = "m.fully_read";
constexpr const char* receipt_types[] = {"m.read", "m.read.private"};

/// What one request marks.
struct Marks {
    explicit Marks(callbacks::Requester by) : requester(std::move(by)), user_id(requester.user.to_string()) {}

    callbacks::Requester requester;
    std::string user_id;
    std::string room_id = {};
    std::optional<std::string> fully_read = {};  ///< the event
    std::vector<Receipt> receipts = {};
};

/// What came of it.
struct Marked {
    std::vector<std::string> woken;  ///< who is told of receipts
    bool moved_marker = false;
};

JsonDict marker_content(const std::string& event_id) {
    JsonDict content;
    content["event_id"] = event_id;
    return content;
}

std::int64_t position_of(Transaction& transaction, const Visibility& visibility, const std::string& room_id,
                         const std::string& event_id) {
    const std::optional<StoredEvent> stored = find_event(transaction, room_id, event_id);
    if (!stored || !visibility.shows(*stored)) throw SynapseError(404, "Could not find event " + event_id, Codes::NOT_FOUND);
    return stored->position;
}

/// The event that the marker stands at; 0 if there is none.
std::int64_t marker_position(Transaction& transaction, const Marks& marks) {
    const std::optional<JsonDict> content = find_account_data(transaction, marks.user_id, marks.room_id, fully_read);
    if (!content) return 0;
    const std::string event_id(content->at("event_id").as_string());
    const std::optional<StoredEvent> stored = find_event(transaction, marks.room_id, event_id);
    return stored ? stored->position : 0;
}

/// All of the marks or, with an exception, none.
Marked store_marks(Transaction& transaction, const Marks& marks) {
    require_session(transaction, marks.requester);
    const Visibility visibility(transaction, marks.room_id, marks.user_id);
    if (visibility.membership() != "join") {
        throw SynapseError(403, "User " + marks.user_id + " not in room " + marks.room_id, Codes::FORBIDDEN);
    }
    Marked marked;
    for (const Receipt& receipt : marks.receipts) {
        const std::int64_t position = position_of(transaction, visibility, marks.room_id, receipt.event_id);
        if (!store_receipt(transaction, receipt, position)) continue;
        marked.woken.push_back(marks.user_id);
        if (receipt.type == "m.read") marked.woken = users_with_membership(transaction, marks.room_id, "join");
    }
    if (marks.fully_read) {
        const std::int64_t position = position_of(transaction, visibility, marks.room_id, *marks.fully_read);
        marked.moved_marker = position > marker_position(transaction, marks);
        if (marked.moved_marker) {
            store_account_data(transaction, marks.user_id, marks.room_id, fully_read, marker_content(*marks.fully_read));
        }
    }
    return marked;
}

/// From the stored marks on.
async::task<void> mark(modapi::Database& database, Notifier& notifier, AccountData& account_data, const Marks& marks) {
    Marked marked = co_await database.run_in_turn("store_read_markers", &store_marks, marks);
    if (!marked.woken.empty()) notifier.wake(std::move(marked.woken));
    if (!marked.moved_marker) co_return;
    const JsonDict content = marker_content(*marks.fully_read);
    co_await account_data.announce(marks.user_id, marks.room_id, fully_read, content);
}

Marks marks_of(const callbacks::Requester& requester, const RoutedRequest& request) {
    Marks marks(requester);
    marks.room_id = request.path_parameters.at(0);
    return marks;
}

void add(Marks& marks, const std::string& type, std::optional<std::string> thread_id, const std::string& event_id,
         std::int64_t now) {
    if (type == fully_read) {
        marks.fully_read = event_id;
        return;
    }
    Receipt receipt;
    receipt.room_id = marks.room_id;
    receipt.user_id = marks.user_id;
    receipt.type = type;
    receipt.thread_id = std::move(thread_id);
    receipt.event_id = event_id;
    receipt.received_ms = now;
    marks.receipts.push_back(std::move(receipt));
}

async::task<Response> post_receipt(const RoutedRequest& request, Authentication& authentication, modapi::Database& database,
                                   const async::clock& clock, Notifier& notifier, AccountData& account_data) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const std::string& type = request.path_parameters.at(1);
    const bool is_receipt = std::find(std::begin(receipt_types), std::end(receipt_types), type) != std::end(receipt_types);
    if (!is_receipt && type != fully_read) {
        throw SynapseError(400, "Receipt type must be one of m.read, m.read.private, m.fully_read", Codes::INVALID_PARAM);
    }
    std::optional<std::string> thread_id = string_member(json_body(request), "thread_id");
    if (thread_id && (thread_id->empty() || !is_receipt)) {
        throw SynapseError(400, "'thread_id' must be a thread of a receipt", Codes::INVALID_PARAM);
    }
    Marks marks = marks_of(requester, request);
    add(marks, type, std::move(thread_id), request.path_parameters.at(2), clock.wall_time_ms());
    co_await to_the_end(mark(database, notifier, account_data, marks));
    co_return ok();
}

async::task<Response> post_read_markers(const RoutedRequest& request, Authentication& authentication,
                                        modapi::Database& database, const async::clock& clock, Notifier& notifier,
                                        AccountData& account_data) {
    const callbacks::Requester requester = co_await authentication.requester_of(request);
    const JsonDict body = required_json_body(request);
    Marks marks = marks_of(requester, request);
    const std::int64_t now = clock.wall_time_ms();  // one time for all that one request marks
    for (const char* type : {fully_read, receipt_types[0], receipt_types[1]}) {
        const std::optional<std::string> event_id = optional_string_member(body, type);
        if (event_id) add(marks, type, std::nullopt, *event_id, now);
    }
    co_await to_the_end(mark(database, notifier, account_data, marks));
    co_return ok();
}

}  // namespace

void add_read_marker_endpoints(Router& router) {
    add_client(router, "POST", "/rooms/{room_id}/receipt/{type}/{event_id}", &post_receipt);
    add_client(router, "POST", "/rooms/{room_id}/read_markers", &post_read_markers);
}

}  // namespace homeserver
