#pragma once

#include <callbacks/category.h>
#include <callbacks/event.h>
#include <callbacks/event_interest.h>
#include <callbacks/unsigned_batch.h>
#include <callbacks/unsigned_writer.h>

#include <async/writer_dispatch.h>

#include <memory>
#include <type_traits>

namespace callbacks {

class RememberedFields;

/// The type of `once_per_event`.
struct OncePerEvent {};
/// What add_field_to_unsigned says of itself, as the third of what stands in its braces, if its fields depend on the event only:
///
///     {async::bind<&Module::add>(this), EventInterest(), callbacks::once_per_event}
///
/// It is asked once about an event, in whatever form, and what it wrote is copied for all that the event is sent to after that,
/// until it says `api.unsigned_changed()` or `api.unsigned_changed(event_id)`, or until a worker has no room for it any more: a
/// worker keeps what was written for 16,384 events, and 16 MiB of it (callbacks/remembered_fields.h). It is asked again after a
/// failure, about an event that was redacted, and where its mode, its share or the list of modules has changed.
///
/// What all that wait for the same answer share runs for itself: of who asked first it has neither the request nor its end.
inline constexpr OncePerEvent once_per_event{};

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
/// and may say which events it is for: {async::bind<&Module::add>(this), EventInterest().types({"m.room.message"})}, and that its
/// fields depend on the event only: `once_per_event`.
struct UnsignedAnswer {
    using dispatched = JsonDict;
    using writer = UnsignedWriter;
    using batch = UnsignedBatch;
    using interest = EventInterest;
    using once = OncePerEvent;
    using memory = RememberedFields;
    /// What registrations with `once_per_event` remember by. Never null.
    [[nodiscard]] static std::shared_ptr<RememberedFields> new_memory();
    /// All of it, as when the registration changes.
    static void forget(RememberedFields& memory) noexcept;
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
