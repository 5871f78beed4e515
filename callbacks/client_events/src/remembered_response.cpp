#include <callbacks/client_event.h>

#include "first_walk.h"
#include "response_items.h"

#include <callbacks/remembered_fields.h>

#include <async/cancellation.h>

#include <cstring>
#include <utility>
#include <vector>

/// Responses where modules are asked whose fields are remembered.
namespace callbacks {

namespace detail {

/// Puts in what is kept, in the place of the hooks that wrote it.
class PutIn {
public:
    using Kept = std::vector<std::shared_ptr<const KeptFields>>;

    template <class Answered>
    class Answers {
    public:
        Answers(const Kept& kept, const RememberedHooks& hooks, const Answered& answered) noexcept
            : kept_(&kept), hooks_(&hooks), answered_(answered) {}
        [[nodiscard]] bool put(std::size_t hook, UnsignedWriter& out) const {
            if (!hooks_->hooks[hook].is_remembered) return answered_.put(hook, out);
            FirstWalk::copy((*kept_)[item_]->by_hook[hook], out);
            return true;
        }
        void next_item() noexcept {
            ++item_;
            answered_.next_item();
        }

    private:
        const Kept* kept_;
        const RememberedHooks* hooks_;
        std::size_t item_ = 0;
        Answered answered_;
    };
};

}  // namespace detail

/// Events of a response of which it is known what those hooks write that are remembered.
class ClientEvents::KnownItems : public Items {
public:
    KnownItems(ClientEvents& owner, std::span<const OutgoingEvent> events, const detail::PutIn::Kept& kept,
               const detail::RememberedHooks& hooks) noexcept
        : Items(owner, events), kept_(kept), hooks_(hooks) {}

    template <class Answered>
    [[nodiscard]] auto put_in(const Answered& answered) const noexcept {
        return detail::PutIn::Answers<Answered>(kept_, hooks_, answered);
    }
    [[nodiscard]] bool asks(std::size_t hook, std::size_t) const noexcept { return !hooks_.hooks[hook].is_remembered; }

private:
    const detail::PutIn::Kept& kept_;
    const detail::RememberedHooks& hooks_;
};

/// An event to which nobody adds but those who wrote this.
inline void ClientEvents::write_known(const OutgoingEvent& outgoing, const detail::KeptFields& known) {
    if (outgoing.own_string) [[unlikely]] {
        open(outgoing);
        for (const detail::KeptPiece& piece : known.by_hook) detail::FirstWalk::copy(piece, *fields_);
        return close();
    }
    char* const at = JsonBuffer::put_number(put_opening(outgoing, known.whole.size()), outgoing.number);
    std::memcpy(at, known.whole.data(), known.whole.size());
    text_.commit(at + known.whole.size());
}

bool ClientEvents::write_if_known(RememberedFields& memory, std::span<const OutgoingEvent> events) {
    TextEnd end(text_);
    for (const OutgoingEvent& outgoing : events) {
        const detail::KeptFields* const known = memory.find_whole(Items::number_of(outgoing));
        if (known == nullptr) [[unlikely]] {
            text_.cut(0);
            return false;
        }
        if (outgoing.own_string) [[unlikely]] {
            end.commit();
            write_known(outgoing, *known);
            end.read();
            continue;
        }
        const std::string_view whole = known->whole;
        char* const opening = end.reserve(Items::room_for(outgoing) + whole.size());
        char* const at = JsonBuffer::put_number(Items::put_opening(opening, outgoing), outgoing.number);
        std::memcpy(at, whole.data(), whole.size());
        end.move_to(at + whole.size());
    }
    end.commit();
    return true;
}

bool ClientEvents::begin_remembered(const UnsignedDispatch& hooks, std::span<const OutgoingEvent> events,
                                    const async::context& here) {
    const auto& hook = hooks.add_field_to_unsigned_callback;
    RememberedFields& memory = *hook.remembered();
    memory.look_at(hook);
    if (memory.asked_->are_all && write_if_known(memory, events)) return true;
    rest_.emplace(write_remembered(*this, hooks, events));
    return async::detail::driven_task<void>::start(rest_->run, here);
}

async::task<void> ClientEvents::write_remembered(ClientEvents& self, const UnsignedDispatch& hooks,
                                                 std::span<const OutgoingEvent> events) {
    using Hook = decltype(UnsignedDispatch::add_field_to_unsigned_callback);
    const Hook& hook = hooks.add_field_to_unsigned_callback;
    const async::context& here = co_await async::this_context;
    for (;;) {
        here.throw_if_cancelled();
        const std::shared_ptr<RememberedFields> memory = hook.remembered();
        if (memory == nullptr) {  // who remembered isn't asked any more
            Items items(self, events);
            Hook::batch<Items> walk(hook, items);
            co_await walk;
            co_return;
        }
        memory->look_at(hook);
        const std::shared_ptr<const detail::RememberedHooks> asked = memory->asked_;
        detail::PutIn::Kept known;
        async::task<void> learning = know(memory, hook, events, known);
        co_await std::move(learning);
        // Meanwhile others may be asked.
        if (hook.remembered() != memory || memory->asked_ != asked) continue;
        memory->look_at(hook);
        if (memory->asked_ != asked) continue;
        if (asked->are_all) {
            for (std::size_t index = 0; index < events.size(); ++index) self.write_known(events[index], *known[index]);
            co_return;
        }
        KnownItems items(self, events, known, *asked);
        Hook::batch<KnownItems> walk(hook, items);
        co_await walk;
        co_return;
    }
}

async::task<void> ClientEvents::know(std::shared_ptr<RememberedFields> memory,
                                     const decltype(UnsignedDispatch::add_field_to_unsigned_callback)& hook,
                                     std::span<const OutgoingEvent> events, detail::PutIn::Kept& known) {
    const async::context& here = co_await async::this_context;
    const std::shared_ptr<const detail::RememberedHooks> hooks = memory->asked_;
    known.assign(events.size(), nullptr);
    std::vector<std::shared_ptr<detail::AskedEvent>> asked(events.size());
    std::vector<std::shared_ptr<detail::FirstWalk>> walks(events.size());
    bool was_asked_again = false;
    for (bool is_complete = false; !is_complete;) {
        here.throw_if_cancelled();
        if (memory->asked_ != hooks) co_return;  // others are asked by now: the caller begins anew
        is_complete = true;
        detail::FirstWalk::Events own;
        for (std::size_t index = 0; index < events.size(); ++index) {
            if (known[index] != nullptr) continue;
            const ClientEvent& event = *events[index].event;
            if (memory->find_whole(event.number_) != nullptr) {
                known[index] = *memory->find(event.number_);
                continue;
            }
            asked[index] = memory->under_way(event.number_);
            if (asked[index] != nullptr) continue;
            const RememberedFields::Kept* const in_part = memory->find(event.number_);
            asked[index] = detail::FirstWalk::about(event, *memory, in_part != nullptr ? in_part->get() : nullptr);
            memory->begin(asked[index]);
            own.push_back(asked[index]);
        }
        std::shared_ptr<detail::FirstWalk> own_walk;
        if (!own.empty()) {
            own_walk = std::make_shared<detail::FirstWalk>(memory, hook, here, own);
            for (const std::shared_ptr<detail::AskedEvent>& event : own) event->walk = own_walk;
        }
        for (std::size_t index = 0; index < events.size(); ++index) {
            if (known[index] == nullptr) walks[index] = asked[index]->walk;
        }
        if (own_walk != nullptr) detail::FirstWalk::start(own_walk);
        for (std::size_t index = 0; index < events.size(); ++index) {
            if (known[index] != nullptr) continue;
            if (!walks[index]->has_ended()) {
                async::task<void> waiting = detail::FirstWalk::ended(walks[index]);
                co_await std::move(waiting);
            }
            if (asked[index]->has_answer) {
                known[index] = asked[index]->result;
            } else if (walks[index] == own_walk || walks[index]->was_cut() ||
                       (asked[index]->has_failed && (walks[index]->size() == 1 || was_asked_again))) {
                std::rethrow_exception(walks[index]->failure());
            } else {
                // Another event's failure may have ended the walk that others began. One of this event's is met again.
                is_complete = false;
            }
        }
        was_asked_again = true;
    }
}

}  // namespace callbacks
