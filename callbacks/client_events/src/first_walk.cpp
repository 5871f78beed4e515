#include "first_walk.h"

#include <async/scope.h>
#include <async/string_hash.h>

#include <boost/json/parse.hpp>

#include <utility>

namespace callbacks::detail {

namespace {

/// The hash of a key that stands in a text, with its quotes.
std::uint32_t hash_of_written(std::string_view name) {
    if (name.find('\\') == std::string_view::npos) return FieldKey(name.substr(1, name.size() - 2)).hash();
    boost::json::parse_options options;
    options.allow_invalid_utf8 = true;
    const JsonValue key = boost::json::parse(name, {}, options);
    return FieldKey(std::string_view(key.get_string())).hash();
}

/// Goes on until the walk has ended, whatever is asked of who waits.
async::task<void> wait_uncut(std::shared_ptr<FirstWalk> walk) {
    const async::context& outer = co_await async::this_context;
    async::context uncut = outer;
    uncut.cancellation = nullptr;
    async::task<void> waiting = FirstWalk::ended(std::move(walk));
    co_await std::move(waiting).in(uncut);
}

}  // namespace

FirstWalk::FirstWalk(std::shared_ptr<RememberedFields> memory, const Hook& hook, const async::context& asked_by, Events events)
    : memory_(std::move(memory)),
      hooks_(memory_->asked_),
      hook_(hook),
      surroundings_(*asked_by.environment),
      cancellation_(hook.settings() != nullptr && hook.settings()->shared_walks != nullptr
                        ? hook.settings()->shared_walks->root().cancellation
                        : nullptr),
      root_(surroundings_, &cancellation_),
      events_(std::move(events)) {}

std::shared_ptr<AskedEvent> FirstWalk::about(const ClientEvent& event, const RememberedFields& memory, const KeptFields* known) {
    auto asked = std::make_shared<AskedEvent>(event.event_, event.number_);
    asked->own = event.text_.substr(event.own_begin_);
    asked->own_names = event.own_names_;
    asked->own_names.push_back(event.number_name_);
    KeptFields& result = *asked->result;
    result.event = event.number_;
    if (event.event_.event_id()) result.id_hash = async::detail::hash_of_string(*event.event_.event_id());
    result.all_forgotten = memory.all_forgotten_;
    const std::size_t hooks = memory.asked_->hooks.size();
    result.by_hook.resize(hooks);
    for (std::size_t hook = 0; hook < hooks; ++hook) {
        if (known != nullptr && known->by_hook[hook].is_there && known->by_hook[hook].forgotten == memory.forgotten_[hook])
            result.by_hook[hook] = known->by_hook[hook];
        result.by_hook[hook].forgotten = memory.forgotten_[hook];
    }
    return asked;
}

void FirstWalk::start(const std::shared_ptr<FirstWalk>& walk) {
    run(walk->root_, walk);
    if (walk->has_ended_) return;
    const async::dispatch_settings* const settings = walk->hook_.settings();
    if (settings == nullptr || settings->shared_walks == nullptr) return;
    settings->shared_walks->spawn("add_field_to_unsigned, for all who wait for it", wait_uncut(walk));
}

async::task<void> FirstWalk::ended(std::shared_ptr<FirstWalk> walk) {
    while (!walk->has_ended_) co_await walk->ended_.wait();
}

void FirstWalk::copy(const KeptPiece& piece, UnsignedWriter& out) {
    std::size_t begin = 0;
    for (const KeptPiece::Field& field : piece.fields) {
        out.writer_->add_written(field.hash, std::string_view(piece.text).substr(begin, field.end - begin));
        begin = field.end;
    }
}

bool FirstWalk::next() {
    if (next_ == events_.size()) return false;
    ++next_;
    return true;
}

bool FirstWalk::begin_hook(AskedEvent& event, std::size_t hook) {
    end_hook(event);
    event.is_at_last_hook = hook + 1 == hooks_->hooks.size();
    if (!asks_about(event, hook)) return false;
    event.hook = hook;
    event.hook_has_failed = !failed_at_once_.empty() && failed_at_once_[hook];
    return true;
}

void FirstWalk::end_hook(AskedEvent& event) {
    const std::size_t hook = std::exchange(event.hook, AskedEvent::none);
    if (hook == AskedEvent::none) return;
    FieldWriter& writer = *event.writer.writer_;
    if (!event.hook_has_failed) {
        KeptPiece& piece = event.result->by_hook[hook];
        piece.text = writer.fields();
        FieldIndex::each_field(piece.text, [&](std::string_view name, std::size_t, std::size_t end) {
            piece.fields.push_back({hash_of_written(name), static_cast<std::uint32_t>(end)});
        });
        piece.is_there = true;
    }
    writer.start_over();
}

void FirstWalk::failed_at_once(std::size_t hook) {
    failed_at_once_.resize(hooks_->hooks.size());
    failed_at_once_[hook] = true;
    for (const std::shared_ptr<AskedEvent>& event : events_) event->has_failed = true;
}

/// What an event gets to which nobody else adds: the rules of a response, once.
void FirstWalk::put_together(AskedEvent& event, const RememberedHooks& hooks) {
    KeptFields& made = *event.result;
    JsonBuffer text;
    text.append(event.own);
    text.append("0,");
    UnsignedWriter out;
    FieldWriter& writer = *out.writer_;
    writer.open(text, 0);
    for (const std::uint32_t name : event.own_names) writer.note_own(name);
    writer.end_own();
    made.is_whole = true;
    made.bytes = sizeof(KeptFields);
    for (std::size_t hook = 0; hook < made.by_hook.size(); ++hook) {
        const KeptPiece& piece = made.by_hook[hook];
        made.bytes += sizeof(KeptPiece) + piece.text.size() + piece.fields.size() * sizeof(KeptPiece::Field);
        if (!hooks.hooks[hook].is_remembered) continue;
        if (!piece.is_there) made.is_whole = false;
        copy(piece, out);
    }
    const std::string_view fields = writer.fields();
    if (!fields.empty()) made.whole.append(",").append(fields.substr(0, fields.size() - 1));
    made.whole.append("}}");
    made.bytes += made.whole.size();
}

async::detail::root_coroutine FirstWalk::run(const async::context&, std::shared_ptr<FirstWalk> self) {
    try {
        Hook::batch<FirstWalk> walk(self->hook_, *self);
        co_await walk;
    } catch (...) {
        self->failure_ = std::current_exception();
    }
    self->end();
}

void FirstWalk::end() noexcept {
    for (const std::shared_ptr<AskedEvent>& event : events_) {
        memory_->end(event);
        event->walk.reset();
        event->has_answer = event->is_at_last_hook && (failure_ == nullptr || !event->has_failed);
        if (!event->has_answer) continue;
        put_together(*event, *hooks_);
        if (!event->is_detached && memory_->asked_ == hooks_) memory_->keep(event->result);
    }
    has_ended_ = true;
    ended_.notify_all();
}

}  // namespace callbacks::detail
