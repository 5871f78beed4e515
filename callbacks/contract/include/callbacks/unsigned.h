#pragma once

#include <callbacks/category.h>
#include <callbacks/event.h>
#include <callbacks/event_interest.h>
#include <callbacks/unsigned_batch.h>
#include <callbacks/unsigned_writer.h>

#include <async/writer_dispatch.h>

#include <type_traits>

namespace callbacks {

/// What add_field_to_unsigned answers: fields for an event's `unsigned`. A module gives them in one of four forms, each as a
/// function or as a coroutine:
///
///     void     add(const Event& event, UnsignedWriter& out)         writer form: the fields go straight into the response
///     JsonDict add(const Event& event)                              object form, as in the contract
///     JsonDict add(const Event& event, const JsonMemory& memory)    object form without the heap: JsonDict added(memory);
///     void     add(std::span<const EventRef> events, UnsignedBatch& out)
///                                                                   batch form: asked once per response, about all its events
///                                                                   that the module is interested in
///
/// The batch form is for what has to wait: once for a response, not once for each event. It is asked before the others, and all
/// come to what they would have come to if each had been asked about each event in the order of registration. A batch is one
/// run, in statistics and to limits (a deadline, places in flight, a breaker). With a `share` it is asked about the events that
/// are in it. In shadow mode it is asked about each event by itself, since each answer is compared with what that event got.
///
/// and may say which events it is for: {async::bind<&Module::add>(this), EventInterest().types({"m.room.message"})}.
struct UnsignedAnswer {
    using dispatched = JsonDict;
    using writer = UnsignedWriter;
    using batch = UnsignedBatch;
    using interest = EventInterest;
};

/// The former name.
using AddedFields [[deprecated("is named callbacks::UnsignedAnswer")]] = UnsignedAnswer;

/// Contract: add_extra_fields_to_client_events_unsigned. The registration's keyword is `add_field_to_unsigned_callback`.
template <MODAPI_CALLBACK_KIND>
struct UnsignedCategory {
    static constexpr std::string_view category_name = "unsigned";

    /// For every event sent to a client, once per response; in the batch form for all events of a response at once. A later
    /// module wins a key; the host's own fields win over all.
    Callback<"add_field_to_unsigned", UnsignedAnswer(const Event& event), since<"1.96.0", last_wins_per_key>, propagate>
        add_field_to_unsigned_callback{};
};

/// What a module registers.
using Unsigned = UnsignedCategory<async::slot>;
/// What a host calls.
using UnsignedDispatch = UnsignedCategory<async::dispatch>;

static_assert(
    std::is_base_of_v<UnsignedWriter::combine_rule, decltype(UnsignedDispatch::add_field_to_unsigned_callback)::combine_rule>,
    "of two fields with one name the writer keeps the one that the declared rule says");

}  // namespace callbacks
