#include "events/client_event_text.h"

#include <callbacks/client_event.h>
#include <callbacks/remembered_fields.h>

#include <async/bind.h>
#include <async/sleep.h>
#include <async/sync_wait.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <random>
#include <span>
#include <string>
#include <vector>

/// The bytes that clients get against what plain JSON objects would have given: the same object, and no key twice.
namespace {

using callbacks::Event;
using callbacks::EventInterest;
using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;
using callbacks::UnsignedBatch;
using callbacks::UnsignedWriter;
using Events = std::span<const callbacks::EventRef>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
constexpr int cases_per_seed = 5'000;
#else
constexpr int cases_per_seed = 250'000;
#endif
constexpr std::size_t events_per_response = 50;

class Random {
public:
    explicit Random(unsigned seed) : numbers_(seed) {}
    std::size_t below(std::size_t limit) { return numbers_() % limit; }
    bool one_in(std::size_t chances) { return below(chances) == 0; }
    template <class T>
    const T& of(const std::vector<T>& pool) {
        return pool[below(pool.size())];
    }

private:
    std::mt19937_64 numbers_;
};

const std::vector<std::string> texts = {
    "",
    "a",
    "m.room.message",
    "org.example.kind",
    "quote \" inside",
    "back\\slash",
    "\n",
    "tab\tand\rreturn\band\ffeed",
    std::string("nul\0inside", 10),
    "\x01\x1f\x7f",
    "grüße",
    "日本語のテキスト",
    "👩‍👩‍👧 family",
    "sixteen bytes ok",
    "fifteen bytes o",
    "seventeen bytes \"",
    "</script>/",
    "a text that is longer than two blocks of sixteen bytes, to be copied in several steps",
    "a text that is longer than two blocks of sixteen bytes and has a quote at its end\"",
    "{\"not\":\"an object\"}",
};
/// The names that fields have: the host's, some that differ late, and some that need escapes.
const std::vector<std::string> keys = {
    "age",
    "transaction_id",
    "prev_content",
    "prev_sender",
    "replaces_state",
    "redacted_because",
    "",
    "m",
    "m.relations",
    "org.example.kind",
    "org.example.kind2",
    "org.example.kinD",
    "quote\"key",
    "back\\slash",
    "new\nline",
    "ключ",
    "org.example.\u00e9",
    "a key of more than sixteen bytes",
    "a key of more than sixteen bytez",
};

JsonValue random_value(Random& random, int depth) {
    switch (random.below(depth > 0 ? 9 : 7)) {
        case 0:
            return nullptr;
        case 1:
            return random.one_in(2);
        case 2:
            return static_cast<std::int64_t>(random.below(1'000'000)) - 500'000;
        case 3:
            return random.one_in(2) ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
        case 4:
            return std::numeric_limits<std::uint64_t>::max();
        case 5:
            return static_cast<double>(random.below(1'000)) / 8 - 50;
        case 6:
            return JsonValue(random.of(texts));
        case 7: {
            JsonArray array;
            for (std::size_t left = random.below(4); left > 0; --left) array.push_back(random_value(random, depth - 1));
            return array;
        }
        default: {
            JsonDict object;
            for (std::size_t left = random.below(4); left > 0; --left) {
                object[random.of(keys)] = random_value(random, depth - 1);
            }
            return object;
        }
    }
}

JsonDict random_object(Random& random, const std::vector<JsonValue>& values, std::size_t most) {
    JsonDict object;
    for (std::size_t left = random.below(most + 1); left > 0; --left) object[random.of(keys)] = random.of(values);
    return object;
}

/// What one module adds to one event: fields in order, names also twice.
using Added = std::vector<std::pair<std::string, JsonValue>>;

/// What all modules do with the events of one response; an event's time is its index.
struct Plan {
    std::vector<std::vector<Added>> by_event;  // then by module
};

/// A module that follows the plan, in every form.
class Planned {
public:
    Planned(const Plan& plan, std::size_t number) : plan_(plan), number_(number) {}

    void direct(const Event& event, UnsignedWriter& out) { write(event, out); }
    async::task<void> direct_coroutine(const Event& event, UnsignedWriter& out) {
        write(event, out);
        co_return;
    }
    async::task<void> direct_suspending(const Event& event, UnsignedWriter& out) {
        const Added& added = added_to(event);
        for (std::size_t index = 0; index < added.size(); ++index) {
            if (index % 2 == static_cast<std::size_t>(event.origin_server_ts()) % 2) co_await async::reschedule();
            out.add(added[index].first, added[index].second);
        }
    }
    JsonDict object(const Event& event) { return object_of(event, {}); }
    async::task<JsonDict> object_coroutine(const Event& event) { co_return object_of(event, {}); }
    async::task<JsonDict> object_suspending(const Event& event) {
        if (event.origin_server_ts() % 3 == 0) co_await async::reschedule();
        co_return object_of(event, {});
    }
    async::task<JsonDict> object_in_arena(const Event& event, const callbacks::JsonMemory& memory) {
        co_return object_of(event, memory);
    }
    void at_once(Events events, UnsignedBatch& out) {
        for (std::size_t at = 0; at < events.size(); ++at) out[at].write(object_of(events[at], {}));
    }
    /// Event after event's first field, then their second ones, the last event first.
    async::task<void> at_once_suspending(Events events, UnsignedBatch& out) {
        bool is_done = false;
        for (std::size_t round = 0; !is_done; ++round) {
            is_done = true;
            for (std::size_t at = events.size(); at-- > 0;) {
                const Added& added = added_to(events[at]);
                if (round >= added.size()) continue;
                is_done = false;
                write_one(added[round], out[at]);
            }
            co_await async::reschedule();
        }
    }

private:
    [[nodiscard]] const Added& added_to(const Event& event) const {
        return plan_.by_event[static_cast<std::size_t>(event.origin_server_ts())][number_];
    }
    void write(const Event& event, UnsignedWriter& out) {
        for (const auto& each : added_to(event)) write_one(each, out);
    }
    template <class Writer>
    static void write_one(const std::pair<std::string, JsonValue>& added, Writer&& out) {
        const auto& [key, value] = added;
        if (value.is_string()) {
            out.add(key, std::string_view(value.get_string()));
        } else if (value.is_int64()) {
            out.add(key, value.get_int64());
        } else if (value.is_bool()) {
            out.add(key, value.get_bool());
        } else if (value.is_object()) {
            out.add(key, value.get_object());
        } else {
            out.add(key, value);
        }
    }
    [[nodiscard]] JsonDict object_of(const Event& event, const callbacks::JsonMemory& memory) const {
        JsonDict object(memory);
        for (const auto& [key, value] : added_to(event)) object[key] = value;
        return object;
    }

    const Plan& plan_;
    std::size_t number_;
};

using Slot = decltype(callbacks::Unsigned::add_field_to_unsigned_callback);

constexpr std::size_t forms = 9;

Slot slot_of(Planned& module, std::size_t form, const EventInterest& interest) {
    switch (form) {
        case 0:
            return {async::bind<&Planned::direct>(&module), interest};
        case 1:
            return {async::bind<&Planned::direct_coroutine>(&module), interest};
        case 2:
            return {async::bind<&Planned::direct_suspending>(&module), interest};
        case 3:
            return {async::bind<&Planned::object>(&module), interest};
        case 4:
            return {async::bind<&Planned::object_coroutine>(&module), interest};
        case 5:
            return {async::bind<&Planned::object_suspending>(&module), interest};
        case 6:
            return {async::bind<&Planned::at_once>(&module), interest};
        case 7:
            return {async::bind<&Planned::at_once_suspending>(&module), interest};
        default:
            return {async::bind<&Planned::object_in_arena>(&module), interest};
    }
}

/// Some modules with their forms, registered.
struct Modules {
    enum class Asked { each_time, once_if_it_says_so };
    explicit Modules(const Plan& plan, Random& random, Asked asked = Asked::each_time) {
        for (std::size_t number = 0; number < 4; ++number) modules.push_back(std::make_unique<Planned>(plan, number));
        count = random.below(5);
        for (std::size_t number = 0; number < count; ++number) {
            EventInterest interest;
            if (random.one_in(4)) interest.with_state_key(random.one_in(2));
            interests.push_back(interest);
            Slot slot = slot_of(*modules[number], random.below(forms), interest);
            if (asked == Asked::once_if_it_says_so && !random.one_in(3)) {
                const Slot once(async::bind<&Planned::direct>(modules[number].get()), interest, callbacks::once_per_event);
                slot.remember_as(once, std::make_shared<std::uint64_t>(0));
            }
            async::registration how;
            how.registrant = number;
            hooks.add_field_to_unsigned_callback.add("module", slot, nullptr, how);
        }
    }
    std::vector<std::unique_ptr<Planned>> modules;
    std::vector<EventInterest> interests;
    std::size_t count = 0;
    callbacks::UnsignedDispatch hooks;
};

struct Recipient {
    std::int64_t age = 0;
    std::optional<std::string> transaction_id;
    bool with_room_id = true;
};

/// The rules, with objects.
JsonDict with_objects(const Event& event, const Recipient& recipient, const std::vector<Added>& added, const Modules& modules) {
    JsonDict own = event.unsigned_fields();
    own["age"] = recipient.age;
    if (recipient.transaction_id) own["transaction_id"] = *recipient.transaction_id;
    JsonDict fields;
    for (std::size_t number = 0; number < modules.count; ++number) {
        if (!modules.interests[number].matches(EventInterest::subject_of(event))) continue;
        for (const auto& [key, value] : added[number]) fields[key] = value;
    }
    for (const auto& field : own) fields[field.key()] = field.value();
    JsonDict written = event.get_dict();
    if (!recipient.with_room_id) written.erase("room_id");
    written["unsigned"] = std::move(fields);
    return written;
}

/// Counts the keys of a text, each as often as it stands there.
struct KeyCounter {
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
    using error = boost::system::error_code;
    using view = boost::json::string_view;

    bool on_document_begin(error&) { return true; }
    bool on_document_end(error&) { return true; }
    bool on_object_begin(error&) { return true; }
    bool on_object_end(std::size_t, error&) { return true; }
    bool on_array_begin(error&) { return true; }
    bool on_array_end(std::size_t, error&) { return true; }
    bool on_key_part(view, std::size_t, error&) { return true; }
    bool on_key(view, std::size_t, error&) {
        ++counted;
        return true;
    }
    bool on_string_part(view, std::size_t, error&) { return true; }
    bool on_string(view, std::size_t, error&) { return true; }
    bool on_number_part(view, error&) { return true; }
    bool on_int64(std::int64_t, view, error&) { return true; }
    bool on_uint64(std::uint64_t, view, error&) { return true; }
    bool on_double(double, view, error&) { return true; }
    bool on_bool(bool, error&) { return true; }
    bool on_null(error&) { return true; }
    bool on_comment_part(view, error&) { return true; }
    bool on_comment(view, error&) { return true; }

    std::size_t counted = 0;
};

std::size_t keys_in_text(std::string_view text) {
    boost::json::basic_parser<KeyCounter> parser{boost::json::parse_options()};
    boost::system::error_code error;
    parser.write_some(false, text.data(), text.size(), error);
    EXPECT_FALSE(error) << text;
    return parser.handler().counted;
}
std::size_t keys_in_value(const JsonValue& value) {
    std::size_t counted = 0;
    if (value.is_object()) {
        for (const auto& member : value.get_object()) counted += 1 + keys_in_value(member.value());
    } else if (value.is_array()) {
        for (const JsonValue& each : value.get_array()) counted += keys_in_value(each);
    }
    return counted;
}

/// What events are made from; what a case takes of it is random.
struct Pools {
    explicit Pools(Random& random) {
        for (int index = 0; index < 500; ++index) values.push_back(random_value(random, 3));
        for (std::size_t index = 0; index < events_per_response * 20; ++index) {
            callbacks::EventFields fields;
            fields.event_id = "$" + random.of(texts) + std::to_string(index);
            fields.room_id = "!" + random.of(texts);
            fields.type = random.of(texts);
            fields.sender = "@" + random.of(texts);
            if (random.one_in(2)) fields.state_key = random.of(texts);
            if (random.one_in(8)) fields.redacts = random.of(texts);
            fields.content = random_object(random, values, 6);
            fields.origin_server_ts = static_cast<std::int64_t>(index % events_per_response);
            if (random.one_in(2)) fields.unsigned_fields = random_object(random, values, 4);
            const Event event(std::move(fields));
            events.push_back(std::make_unique<callbacks::ClientEvent>(event, homeserver::client_event_text(event)));
        }
    }
    std::vector<JsonValue> values;
    std::vector<std::unique_ptr<callbacks::ClientEvent>> events;
};

Added random_additions(Random& random, const Pools& pools) {
    Added added;
    for (std::size_t left = random.below(5); left > 0; --left) {
        added.emplace_back(random.of(keys), random.of(pools.values));
    }
    return added;
}

async::task<std::string_view> write(callbacks::ClientEvents& writer, const callbacks::UnsignedDispatch& hooks,
                                    const std::vector<callbacks::OutgoingEvent>& outgoing) {
    co_return co_await writer.write(hooks, outgoing, "\n");
}

class ClientEventDifferential : public testing::TestWithParam<unsigned> {
protected:
    /// An event of a response that begins with `rest`, against what objects would give.
    void expect_event(std::string_view& rest, const callbacks::OutgoingEvent& outgoing, const Recipient& recipient,
                      const std::vector<Added>& added, const Modules& modules, int number) {
        rest.remove_prefix(1);
        const std::string_view text = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(text.size());
        const JsonValue parsed = boost::json::parse(text);
        const JsonDict expected = with_objects(outgoing.event->event(), recipient, added, modules);
        ASSERT_EQ(parsed, JsonValue(expected)) << "seed " << GetParam() << ", case " << number;
        ASSERT_EQ(keys_in_text(text), keys_in_value(parsed)) << "a key stands there twice: " << text;
    }
};

Recipient random_recipient(Random& random) {
    Recipient recipient;
    recipient.age = static_cast<std::int64_t>(random.below(100'000)) - 1'000;
    recipient.with_room_id = random.one_in(2);
    if (random.one_in(3)) recipient.transaction_id = random.of(texts);
    return recipient;
}
callbacks::OutgoingEvent outgoing_to(const Recipient& recipient, const callbacks::ClientEvent& event) {
    callbacks::OutgoingEvent outgoing;
    outgoing.event = &event;
    outgoing.before = "\n";
    outgoing.number = recipient.age;
    if (recipient.transaction_id) outgoing.own_string = callbacks::OwnString{"transaction_id", *recipient.transaction_id};
    outgoing.in_full = recipient.with_room_id;
    return outgoing;
}

TEST_P(ClientEventDifferential, WritesWhatObjectsWouldGive) {
    Random random(GetParam());
    const Pools pools(random);
    Plan plan;
    plan.by_event.resize(events_per_response);
    std::vector<std::unique_ptr<Modules>> ways;
    for (int index = 0; index < 40; ++index) ways.push_back(std::make_unique<Modules>(plan, random));
    callbacks::ClientEvents writer;
    boost::asio::io_context io(1);

    for (int done = 0; done < cases_per_seed; done += static_cast<int>(events_per_response)) {
        const std::size_t first = random.below(20) * events_per_response;
        std::vector<Recipient> recipients(events_per_response);
        std::vector<callbacks::OutgoingEvent> outgoing(events_per_response);
        for (std::size_t index = 0; index < events_per_response; ++index) {
            plan.by_event[index].clear();
            for (int module = 0; module < 4; ++module) plan.by_event[index].push_back(random_additions(random, pools));
            recipients[index] = random_recipient(random);
            outgoing[index] = outgoing_to(recipients[index], *pools.events[first + index]);
        }
        const Modules& modules = *random.of(ways);
        std::string_view rest = async::sync_wait(io, write(writer, modules.hooks, outgoing));
        for (std::size_t index = 0; index < events_per_response; ++index) {
            ASSERT_NO_FATAL_FAILURE(expect_event(rest, outgoing[index], recipients[index], plan.by_event[index], modules,
                                                 done + static_cast<int>(index)));
        }
        ASSERT_EQ(rest, "\n");
    }
}

/// The events of a block, in any order and also twice, are sent to some recipients; now and then a module takes back what it wrote.
TEST_P(ClientEventDifferential, WritesWhatObjectsWouldGiveToEveryRecipientOfWhatIsRemembered) {
    Random random(GetParam() + 100);
    const Pools pools(random);
    Plan plan;
    plan.by_event.resize(events_per_response);
    std::vector<std::unique_ptr<Modules>> ways;
    for (int index = 0; index < 40; ++index)
        ways.push_back(std::make_unique<Modules>(plan, random, Modules::Asked::once_if_it_says_so));
    callbacks::ClientEvents writer;
    boost::asio::io_context io(1);

    for (int done = 0; done < cases_per_seed;) {
        const std::size_t first = random.below(20) * events_per_response;
        for (std::vector<Added>& of_event : plan.by_event) {
            of_event.clear();
            for (int module = 0; module < 4; ++module) of_event.push_back(random_additions(random, pools));
        }
        const Modules& modules = *random.of(ways);
        callbacks::RememberedFields* const memory = modules.hooks.add_field_to_unsigned_callback.remembered().get();
        if (memory != nullptr) memory->forget_all();
        for (std::size_t recipients_left = 2 + random.below(8); recipients_left > 0; --recipients_left) {
            std::vector<std::size_t> places(1 + random.below(events_per_response));
            std::vector<Recipient> recipients;
            std::vector<callbacks::OutgoingEvent> outgoing;
            recipients.reserve(places.size());
            for (std::size_t& place : places) {
                place = random.below(events_per_response);
                const Recipient& recipient = recipients.emplace_back(random_recipient(random));
                outgoing.push_back(outgoing_to(recipient, *pools.events[first + place]));
            }
            if (memory != nullptr && random.one_in(4)) memory->forget(random.below(4));
            if (memory != nullptr && random.one_in(4))
                memory->forget(random.below(4), *pools.events[first + places.front()]->event().event_id());
            std::string_view rest = async::sync_wait(io, write(writer, modules.hooks, outgoing));
            for (std::size_t index = 0; index < places.size(); ++index) {
                ASSERT_NO_FATAL_FAILURE(expect_event(rest, outgoing[index], recipients[index], plan.by_event[places[index]],
                                                     modules, done + static_cast<int>(index)));
            }
            ASSERT_EQ(rest, "\n");
            done += static_cast<int>(places.size());
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClientEventDifferential, testing::Values(1U, 2U, 3U, 4U));

}  // namespace
