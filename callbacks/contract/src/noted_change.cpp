#include <callbacks/noted_change.h>

#include <callbacks/decision.h>

#include <async/callback_frame.h>
#include <async/shadowed_run.h>

#include <array>
#include <utility>

namespace callbacks {

namespace {

using RoomCreationSlot = decltype(ThirdPartyRules::on_create_room);

/// on_create_room, and what it did to the request.
class NotedRoomCreation {
public:
    NotedRoomCreation(RoomCreationSlot given, const async::dispatch_settings& settings)
        : given_(std::move(given)), settings_(&settings) {}

    async::task<void> operator()(const Requester& requester, JsonDict& request_content, bool is_requester_admin) const {
        return run(given_, *settings_, requester, request_content, is_requester_admin);
    }

private:
    static async::task<void> run(const RoomCreationSlot& given, const async::dispatch_settings& settings, const Requester& requester,
                                 JsonDict& request_content, bool is_requester_admin) {
        const async::context& here = co_await async::this_context;
        const JsonDict before = request_content;
        async::task<void> asked = given.get()(requester, request_content, is_requester_admin);
        co_await std::move(asked);
        if (request_content == before || async::innermost<async::shadowed_run>(here) != nullptr) co_return;
        const ChangedKeys changed{changed_keys(before, request_content)};
        const std::array<async::typed_value, 1> arguments{async::typed_value::of(requester)};
        async::observed_run run(*async::running_callback(here), here);
        run.arguments = arguments;
        run.answer = async::typed_value::of(changed);
        settings.observer->on_decision(run);
    }

    RoomCreationSlot given_;
    const async::dispatch_settings* settings_;
};

}  // namespace

ThirdPartyRules with_noted_changes(const ThirdPartyRules& given, const async::dispatch_settings& settings) {
    ThirdPartyRules noted = given;
    if (given.on_create_room && settings.observer != nullptr)
        noted.on_create_room = NotedRoomCreation(given.on_create_room, settings);
    return noted;
}

}  // namespace callbacks
