#pragma once

#include <callbacks/category.h>
#include <callbacks/error_rules.h>
#include <callbacks/event.h>
#include <callbacks/event_decision.h>
#include <callbacks/users.h>

#include <optional>
#include <string>

namespace callbacks {

/// Contract: third_party_rules_callbacks.
template <MODAPI_CALLBACK_KIND>
struct ThirdPartyRulesCategory {
    static constexpr std::string_view category_name = "third-party rules";

    /// Before a locally created event is accepted, and for events pushed over federation. `state_events`: the state before it,
    /// which the event is stored on: if a part of it changes before that, the callback is asked again, about the event as it is
    /// made then. A registration may say which parts its answers rest on (EventDecision): only those count.
    ///
    /// A replacement ends the walk: the modules that are listed later don't see that event. None is needed after a module has
    /// sent events into the room itself. Such events belong to this one: they are stored before it, with it or not at all.
    Callback<"check_event_allowed", EventDecision(const Event& event, const StateMap& state_events),
             since<"1.39.0", async::first_not<EVENT_ALLOWED>>, module_failure>
        check_event_allowed{};

    /// Before any part of a room exists. May change the request, or throw a SynapseError to deny. Rests on the request.
    Callback<"on_create_room", void(const Requester& requester, JsonDict& request_content, bool is_requester_admin),
             since<"1.39.0", run_all>, forbid_room_creation>
        on_create_room{};

    /// An invite by third-party id. False: 403. Rests on the address; `state_events` may change before the invite is stored.
    Callback<"check_threepid_can_be_invited",
             bool(const std::string& medium, const std::string& address, const StateMap& state_events),
             since<"1.39.0", about_an_address<async::first_not<true>>>, skip>
        check_threepid_can_be_invited{};

    /// Making a room public in the directory, and once in each createRoom. `new_visibility`: "public" or "private". Rests on
    /// the request; `state_events` may change before the room is public.
    Callback<"check_visibility_can_be_modified",
             bool(const std::string& room_id, const StateMap& state_events, const std::string& new_visibility),
             since<"1.39.0", in_room<0, async::first_not<true>>>, skip>
        check_visibility_can_be_modified{};

    /// After an event is stored, on every worker. `state_events`: the room's current state, the event included.
    Callback<"on_new_event", void(const Event& event, const StateMap& state_events), since<"1.47.0", told_everywhere<run_all>>,
             log_and_go_on>
        on_new_event{};

    /// An admin's shutdown of a room; user_id is none when a module started it.
    Callback<"check_can_shutdown_room", bool(const std::optional<std::string>& user_id, const std::string& room_id),
             since<"1.55.0", in_room<1, async::first_not<true>>>, skip>
        check_can_shutdown_room{};

    /// First step of a deactivation.
    Callback<"check_can_deactivate_user", bool(const std::string& user_id, bool by_admin),
             since<"1.55.0", async::first_not<true>>, skip>
        check_can_deactivate_user{};

    /// After a global profile change.
    Callback<"on_profile_update",
             void(const std::string& user_id, const ProfileInfo& new_profile, bool by_admin, bool deactivation),
             since<"1.54.0", run_all>, log_and_go_on>
        on_profile_update{};

    /// Last step of a deactivation or reactivation.
    Callback<"on_user_deactivation_status_changed", void(const std::string& user_id, bool deactivated, bool by_admin),
             since<"1.54.0", run_all>, log_and_go_on>
        on_user_deactivation_status_changed{};

    /// The deprecated name of on_add_user_third_party_identifier; runs after that one has run for all modules.
    Callback<"on_threepid_bind", void(const std::string& user_id, const std::string& medium, const std::string& address),
             since<"1.56.0", run_all>, log_and_go_on>
        on_threepid_bind{};

    /// After an id was stored for a local user.
    Callback<"on_add_user_third_party_identifier",
             void(const std::string& user_id, const std::string& medium, const std::string& address), since<"1.79.0", run_all>,
             log_and_go_on>
        on_add_user_third_party_identifier{};

    /// After an id of a local user was removed.
    Callback<"on_remove_user_third_party_identifier",
             void(const std::string& user_id, const std::string& medium, const std::string& address), since<"1.79.0", run_all>,
             log_and_go_on>
        on_remove_user_third_party_identifier{};
};

/// What a module registers.
using ThirdPartyRules = ThirdPartyRulesCategory<async::slot>;
/// What a host calls.
using ThirdPartyRulesDispatch = ThirdPartyRulesCategory<async::dispatch>;

}  // namespace callbacks
