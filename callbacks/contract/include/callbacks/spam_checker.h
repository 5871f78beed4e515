#pragma once

#include <callbacks/category.h>
#include <callbacks/event.h>
#include <callbacks/identifiers.h>
#include <callbacks/media.h>
#include <callbacks/users.h>
#include <callbacks/verdict.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace callbacks {

/// User agent (empty if the client sent none) and address of a registration's requests.
using RegistrationRequestInfo = std::vector<std::pair<std::string, std::string>>;
/// User agent (none if the client sent none) and address of a login's request; exactly one pair.
using LoginRequestInfo = std::vector<std::pair<std::optional<std::string>, std::string>>;

/// The combine rule of most of them: the first answer that isn't NOT_SPAM ends the asking.
using first_not_spam = async::first_not<NOT_SPAM>;

/// Contract: spam_checker_callbacks. No callback here swallows an exception. An answer rests on what the callback was given: it
/// is asked again only if that has changed by the time that its operation takes effect.
template <MODAPI_CALLBACK_KIND>
struct SpamCheckerCategory {
    static constexpr std::string_view category_name = "spam checker";

    /// For every event sent by a client or received over federation; not for memberships and a new room's initial events. Asked
    /// again only if the event says something else by then, not if only its place among the others has changed.
    Callback<"check_event_for_spam", EventVerdict(const Event& event), since<"1.37.0", first_not_spam>, propagate>
        check_event_for_spam{};

    /// A user is about to join. Not for server admins and not for the creator of a new room.
    Callback<"user_may_join_room", Verdict(const std::string& user, const std::string& room, bool is_invited),
             since<"1.37.0", in_room<1, first_not_spam>>, propagate>
        user_may_join_room{};

    /// An invite to a user id, local or received over federation. Not for server admins' local invites.
    Callback<"user_may_invite", Verdict(const std::string& inviter, const std::string& invitee, const std::string& room_id),
             since<"1.37.0", in_room<2, first_not_spam>>, propagate>
        user_may_invite{};

    /// An invite that another server has sent, as a whole event, with the room's stripped state in its `unsigned`. If none
    /// denies, user_may_invite is asked as well.
    Callback<"federated_user_may_invite", Verdict(const Event& event), since<"1.134.0", first_not_spam>, propagate>
        federated_user_may_invite{};

    /// An invite by a third-party id that belongs to nobody known.
    Callback<"user_may_send_3pid_invite",
             Verdict(const std::string& inviter, const std::string& medium, const std::string& address,
                     const std::string& room_id),
             since<"1.45.0", in_room<3, first_not_spam>>, propagate>
        user_may_send_3pid_invite{};

    /// A room is about to be created, after on_create_room. Not for server admins. `room_config` is what was asked for, as
    /// on_create_room left it; of an upgrade, an object with `creation_content` and `initial_state`.
    Callback<"user_may_create_room", Verdict(const std::string& user_id, JsonDict room_config),
             since<"1.37.0", argument_since<1, "1.132.0", first_not_spam>>, propagate>
        user_may_create_room{};

    /// An alias is about to be made, for an existing room or with a new one.
    Callback<"user_may_create_room_alias", Verdict(const std::string& user_id, const RoomAlias& room_alias),
             since<"1.37.0", first_not_spam>, propagate>
        user_may_create_room_alias{};

    /// A room is about to be put into the public directory or taken out of it.
    Callback<"user_may_publish_room", Verdict(const std::string& user_id, const std::string& room_id),
             since<"1.37.0", in_room<1, first_not_spam>>, propagate>
        user_may_publish_room{};

    /// A client sends a state event, of any type, also a membership; before all else that is looked at. Not for server admins,
    /// and not for a new room's initial events. The content is a copy for each module.
    Callback<"user_may_send_state_event",
             StateEventVerdict(const std::string& user_id, const std::string& room_id, const std::string& event_type,
                               const std::string& state_key, JsonDict content),
             since<"1.132.0", in_room<1, first_not_spam>>, propagate>
        user_may_send_state_event{};

    /// For each result of a user directory search by `requester_id`. True: left out. The profile is a copy for each module.
    Callback<"check_username_for_spam", bool(UserProfile user_profile, const std::string& requester_id),
             since<"1.37.0", argument_since<1, "1.122.0", unseen<async::first_not<false>>>>, propagate>
        check_username_for_spam{};

    /// First step of a registration. DENY: 429 "Rate limited". SHADOW_BAN: registered and shadow-banned.
    Callback<"check_registration_for_spam",
             RegistrationBehaviour(const std::optional<JsonDict>& email_threepid, const std::optional<std::string>& username,
                                   const RegistrationRequestInfo& request_info,
                                   const std::optional<std::string>& auth_provider_id),
             since<"1.37.0", unseen<async::first_not<RegistrationBehaviour::ALLOW>>>, propagate>
        check_registration_for_spam{};

    /// A file is on local disk and in no table yet. Rejected: it is deleted.
    Callback<"check_media_file_for_spam", MediaVerdict(ReadableFileWrapper& file_wrapper, const FileInfo& file_info),
             since<"1.37.0", first_not_spam>, propagate>
        check_media_file_for_spam{};

    /// An event pushed over federation, or, since 1.130.0, an invite. True: dropped silently; an invite is refused with 403.
    Callback<"should_drop_federated_event", bool(const Event& event), since<"1.60.0", unseen<async::first_not<false>>>,
             propagate>
        should_drop_federated_event{};

    /// A login of any type is authenticated, its device and token not made yet.
    Callback<"check_login_for_spam",
             Verdict(const std::string& user_id, const std::optional<std::string>& device_id,
                     const std::optional<std::string>& initial_display_name, const LoginRequestInfo& request_info,
                     const std::optional<std::string>& auth_provider_id),
             since<"1.87.0", first_not_spam>, propagate>
        check_login_for_spam{};
};

/// What a module registers.
using SpamChecker = SpamCheckerCategory<async::slot>;
/// What a host calls.
using SpamCheckerDispatch = SpamCheckerCategory<async::dispatch>;

}  // namespace callbacks
